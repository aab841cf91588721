namespace MergeTasks.Merging.Tests.Methods;

/// <summary>The merges of which <see cref="EveryMethod"/> knows the result.</summary>
internal static class Formulas
{
    // Dyadic, so that a sum of bf16 numbers that is zero is zero in any precision, and elects the same sign.
    private static readonly double[] Weights = [0.625, -0.25, 0.5];

    private static readonly double[] Shares = [1, 2, 0.5];

    public static IReadOnlyList<Formula> All { get; } =
    [
        new("nuslerp", 2, p => SphereFormulas.Nuslerp(p.Models[0], p.Models[1], 0.25)) { Weights = [0.75, 0.25], HasBase = false },
        new("nuslerp deltas", 2, p => p.OnDeltas(deltas => SphereFormulas.Nuslerp(deltas[0], deltas[1], 0.25))) { Weights = [0.75, 0.25] },
        new(
            "nuslerp rows",
            2,
            p => Problem.AlongDimension(p.Models, p.Shape, p.Shape.Length - 1, v => SphereFormulas.Nuslerp(v[0], v[1], 0.25)),
            ("NuslerpFlatten", "false"))
        {
            Weights = [0.75, 0.25], HasBase = false,
        },
        new(
            "nuslerp columns of deltas",
            2,
            p => p.OnDeltas(deltas => Problem.AlongDimension(deltas, p.Shape, 0, v => SphereFormulas.Nuslerp(v[0], v[1], 0.25))),
            ("NuslerpFlatten", "false"), ("NuslerpRowWise", "true")) { Weights = [0.75, 0.25] },
        new("multislerp", 3, p => SphereFormulas.Multislerp(p.Models, Shares)) { Weights = Shares, HasBase = false },
        new("multislerp deltas", 3, p => p.OnDeltas(deltas => SphereFormulas.Multislerp(deltas, Shares))) { Weights = Shares },
        new("karcher", 3, p => SphereFormulas.Karcher(p.Models)) { HasBase = false },
        new("karcher four steps", 2, p => SphereFormulas.Karcher(p.Models, 4), ("MaxIter", "4")) { HasBase = false },
        new("model_stock", 3, p => p.OnDeltas(SphereFormulas.ModelStock)),
        new(
            "model_stock rows",
            2,
            p => p.OnDeltas(deltas => Problem.AlongDimension(deltas, p.Shape, p.Shape.Length - 1, SphereFormulas.ModelStock)),
            ("FilterWise", "true")),
        new(
            "ties",
            3,
            p =>
                p.OnDeltas(deltas =>
                    DeltaFormulas.Combine(deltas.Select(delta => DeltaFormulas.Breadcrumbs(delta, 0.3, 0)).ToArray(), Weights, true, true)),
            ("Density", "0.3"))
        {
            Weights = Weights,
        },
        new(
            "breadcrumbs",
            3,
            p => p.OnDeltas(deltas => DeltaFormulas.Combine(Breadcrumbs(deltas, 0.5, 0.1), Weights, false, false)),
            ("Density", "0.5"),
            ("Gamma", "0.1"))
        {
            Weights = Weights,
        },
        new(
            "breadcrumbs more kept than there is",
            3,
            p => p.OnDeltas(deltas => DeltaFormulas.Combine(Breadcrumbs(deltas, 0.97, 0.1), Weights, false, true)),
            ("Density", "0.97"), ("Gamma", "0.1"), ("Normalize", "true")) { Weights = Weights },
        new(
            "breadcrumbs_ties",
            3,
            p => p.OnDeltas(deltas => DeltaFormulas.Combine(Breadcrumbs(deltas, 0.4, 0.01), Weights, true, false, 1.5)),
            ("Density", "0.4"),
            ("Lambda", "1.5"))
        {
            Weights = Weights,
        },
        new(
            "della",
            3,
            p => p.OnDeltas(deltas => DeltaFormulas.Combine(Della(p, deltas, 0.4, 0.15), Weights, true, true)),
            ("Density", "0.4")) { Weights = Weights },
        new(
            "della_linear",
            2,
            p => p.OnDeltas(deltas => DeltaFormulas.Combine(Della(p, deltas, 0.7, 0.2), [0.625, 0.5], false, false)),
            ("Density", "0.7"),
            ("Epsilon", "0.2"))
        {
            Weights = [0.625, 0.5],
        },
        new(
            "ties paper",
            3,
            p => p.OnDeltas(deltas => DeltaFormulas.CombineByPaper(Breadcrumbs(deltas, 0.4, 0), Shares)),
            ("Density", "0.4"),
            ("PaperElection", "true"))
        {
            Weights = Shares,
        },
        new(
            "dare_linear by probability",
            2,
            p => p.OnDeltas(deltas => DeltaFormulas.Combine(Della(p, deltas, 0.3, 0, true), [0.625, 0.5], false, false)),
            ("Density", "0.3"), ("RescaleByProbability", "true")) { Weights = [0.625, 0.5] },
        new(
            "della by probability",
            2,
            p => p.OnDeltas(deltas => DeltaFormulas.CombineByPaper(Della(p, deltas, 0.6, 0.2, true), [0.625, 0.5])),
            ("Density", "0.6"), ("Epsilon", "0.2"), ("RescaleByProbability", "true"), ("PaperElection", "true")) { Weights = [0.625, 0.5] },
        new("sce", 3, p => p.OnDeltas(deltas => SelectionFormulas.Sce(deltas, 1))),
        new("sce selected", 3, p => p.OnDeltas(deltas => SelectionFormulas.Sce(deltas, 0.3)), ("SelectTopk", "0.3")),
        new("ram", 3, p => p.OnDeltas(deltas => SelectionFormulas.Ram(deltas, 0.015)), ("Epsilon", "0.015")),
        new(
            "ramplus_tl",
            3,
            p => p.OnDeltas(deltas => SelectionFormulas.Ram(deltas, 0.03, 0.3, 0.9)),
            ("Epsilon", "0.03"),
            ("R", "0.3"),
            ("Alpha", "0.9")),
        new("nearswap", 1, p => SelectionFormulas.Nearswap(p.Base, p.Models[0], 0.01), ("T", "0.01")),
        new("arcee_fusion", 1, p => SelectionFormulas.Fusion(p.Base, p.Models[0], p.Shape)),
        new("widen", 3, p => p.OnDeltas(_ => SelectionFormulas.Widen(p, 1, 1))),
        new("pcb", 3, _ => []) { ExpectedOfAll = problems => WholeModelFormulas.Pcb(problems, 0.1, 1) },
        new(
            "pcb half", 2, _ => [], ("Ratio", "0.5"), ("Lambda", "1.5"))
            {
                ExpectedOfAll = problems => WholeModelFormulas.Pcb(problems, 0.5, 1.5)
            },
        new("tsv", 3, p => p.OnDeltas(deltas => SingularFormulas.Tsv(deltas, p.Shape, 1)))
        {
            // Nearly the same vectors three times: rounding decides about their differences.
            Undetermined = "opposite",
        },
        new("tsv scaled", 1, p => p.OnDeltas(deltas => SingularFormulas.Tsv(deltas, p.Shape, 0.75)), ("Lambda", "0.75")),
        new(
            "widen calibrated",
            2,
            p => p.OnDeltas(_ => SelectionFormulas.Widen(p, 1.25, 0.75)),
            ("AboveAverageValueRatio", "1.25"),
            ("ScoreCalibrationValue", "0.75")),
    ];

    private static double[][] Breadcrumbs(double[][] deltas, double density, double gamma) =>
        [.. deltas.Select(delta => DeltaFormulas.Breadcrumbs(delta, density, gamma))];

    private static double[][] Della(Problem problem, double[][] deltas, double density, double epsilon, bool byProbability = false) =>
        [
            .. deltas.Select((delta, model) =>
                DeltaFormulas.Della(delta, problem.Shape, density, epsilon, problem.Name, model, byProbability))
        ];
}
