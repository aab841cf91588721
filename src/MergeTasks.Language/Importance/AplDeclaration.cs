using System.Text.Json.Serialization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Importance;

/// <summary>How finely a model's parameters are divided into parts whose importance is measured.</summary>
internal enum PartitionLevel
{
    /// <summary>All of them: decides the merging weights.</summary>
    Model,

    /// <summary>Each transformer block, the embeddings, everything else.</summary>
    Layer,

    /// <summary>Each named tensor.</summary>
    Tensor,

    /// <summary>Each output row of each matrix with its bias, each norm.</summary>
    Hidden,
}

/// <summary>What an intervention does to one part.</summary>
internal enum InterventionMode
{
    /// <summary>Puts the fine-tuned part into the base.</summary>
    Restore,

    /// <summary>Takes the part's change out of the fine-tuned model.</summary>
    Ablate,
}

/// <summary>Which elements of a delta are dropped inside a part.</summary>
internal enum DropRule
{
    /// <summary>Those of smallest |Δ|.</summary>
    Magnitude,

    /// <summary>Any, each with the same probability.</summary>
    Random,

    /// <summary>
    /// Those whose removal from the fine-tuned model θ_i costs least to second order: Δ²F(θ_i)/2 + |Δ·∇M(θ_i)|, F the mean over samples of
    /// the squared gradient of one sample's metric.
    /// </summary>
    Importance,

    /// <summary>Those of smallest |Δ·∇M|, the gradient taken where the intervention starts: of <c>restore</c>, at the base.</summary>
    RestoreImportance,
}

/// <summary>How the importance of parts becomes the share of each that is kept.</summary>
internal enum BudgetRule
{
    /// <summary>
    /// By importance per parameter, clamped around its median, counted over all elements. Each tensor has a threshold of its own, and
    /// elements equal to it are kept.
    /// </summary>
    PerParameter,

    /// <summary>In proportion to a part's whole importance, counted over changed elements, to an exact number of elements.</summary>
    Total,
}

/// <summary>What makes up for the changes that are dropped.</summary>
internal enum RescaleRule
{
    /// <summary>
    /// One factor for a model's kept changes: the one of a few at which the base with them does best on the model's task data.
    /// </summary>
    Task,

    /// <summary>Nothing.</summary>
    None,

    /// <summary>One factor for a model's kept changes, so that their sum of magnitudes is that of all its changes.</summary>
    Mass,

    /// <summary>
    /// Each part's kept changes are divided by its keep ratio; with <see cref="BudgetRule.PerParameter"/>, all by the model's.
    /// </summary>
    Inverse,
}

/// <summary>
/// Activated parameter locating (arXiv 2408.09485): how much a model's task depends on each part of what fine-tuning changed decides
/// how much of the change is kept before merging, and how much the model weighs. The constants are this project's own choices.
/// <see cref="Options"/> has the defaults.
/// </summary>
/// <param name="Location">Where it is asked for.</param>
internal sealed record AplDeclaration(SourceLocation Location)
{
    /// <summary>τ₁ and τ₂ where none is given.</summary>
    public const double DefaultTau = 2;

    /// <summary>The options in the order in which a recipe has them.</summary>
    public static IReadOnlyList<MergeOption<AplDeclaration>> Options { get; } =
    [
        new MergeOption<AplDeclaration, IReadOnlyList<PartitionLevel>>(
            "Apl", "apl", "levels", OptionKind.Choices<PartitionLevel>().OrWords(OptionKind.Off, []), [],
            "Activated parameter locating: layer, tensor or hidden (rows), the finest of which decides what is dropped, and model, "
            + "where importance sets the weights.",
            apl => apl.Levels, (apl, value) => apl with { Levels = value })
        {
            IsProjectWide = true,
            DefaultText = OptionKind.Off[0],
        },
        Row("AplDensity", "density", OptionKind.Number(1e-6, 1).OrWord("auto"), null,
            "Least share of all elements whose changes are kept; auto: the smallest of 0.05, 0.1, 0.2, 0.5 and 1 that keeps 98 % of what "
            + "fine-tuning gained on the task data.",
            apl => apl.Density, (apl, value) => apl with { Density = value }, apl => apl.DropLevel is not null),
        Row("AplBudget", "budget", OptionKind.Choice<BudgetRule>(), BudgetRule.PerParameter,
            "Whether a part's share follows its importance per parameter, over all elements and with elements equal to a threshold kept, "
            + "or its whole importance, over changed elements to an exact count.",
            apl => apl.Budget, (apl, value) => apl with { Budget = value }),
        Row("AplMode", "mode", OptionKind.Choice<InterventionMode>(), InterventionMode.Restore,
            "Put a part into the base, or take its change out of the fine-tuned model.",
            apl => apl.Mode, (apl, value) => apl with { Mode = value }),
        Row("AplScoring", "scoring", OptionKind.Choice(("gradient", false), ("exact", true)), false,
            "Approximate interventions by one gradient, or run each.",
            apl => apl.IsExact, (apl, value) => apl with { IsExact = value }),
        Row("AplDrop", "drop", OptionKind.Choice<DropRule>(), DropRule.Magnitude,
            "Which elements of a part are dropped: the smallest changes, random ones, those whose removal costs least to second order, "
            + "or those of the smallest product with the gradient that scoring used.",
            apl => apl.Drop, (apl, value) => apl with { Drop = value }, _ => true),
        Row("AplTau0", "tau0", OptionKind.Temperature, 1,
            "Temperature of the models' weights; inf: all the same.",
            apl => apl.Tau0, (apl, value) => apl with { Tau0 = value }),
        Row("AplTau1", "tau1", OptionKind.Temperature, DefaultTau,
            "Temperature of layers; inf: all the same.",
            apl => apl.Tau1, (apl, value) => apl with { Tau1 = value }),
        Row("AplTau2", "tau2", OptionKind.Temperature, DefaultTau,
            "Temperature of tensors or rows within a layer; inf: all the same.",
            apl => apl.Tau2, (apl, value) => apl with { Tau2 = value }),
        Row("AplRescale", "rescale",
            OptionKind.Choice<RescaleRule>().OrWords(["true"], RescaleRule.Inverse).OrWords(["false"], RescaleRule.None), RescaleRule.Task,
            "What makes up for dropped changes: one factor for each model, chosen on its task data (task) or so that the changes' magnitude "
            + "stays (mass); division by the keep ratio (inverse, true); nothing (none, false).",
            apl => apl.Rescale, (apl, value) => apl with { Rescale = value }),
        Row("AplVerify", "verify", OptionKind.Flag, false,
            "Compare the approximation with exact interventions; the result goes to log, manifest and model card.",
            apl => apl.Verifies, (apl, value) => apl with { Verifies = value }),
        Row("AplAllowCostly", "allow_costly", OptionKind.Flag, false,
            "Allow exact interventions on rows, each of which is a run over all samples.",
            apl => apl.AllowsCostly, (apl, value) => apl with { AllowsCostly = value }),
    ];

    /// <summary>The levels; of layer, tensor and hidden the finest decides what is dropped.</summary>
    public required IReadOnlyList<PartitionLevel> Levels { get; init; }

    /// <summary>
    /// Target density q, of all elements or, with <see cref="BudgetRule.Total"/>, of the changed ones; <see langword="null"/>: the smallest
    /// of a few at which the kept changes still do what all do.
    /// </summary>
    public double? Density { get; init; }

    /// <summary>How importance becomes keep ratios.</summary>
    public BudgetRule Budget { get; init; }

    /// <summary>The intervention.</summary>
    public InterventionMode Mode { get; init; }

    /// <summary>Whether interventions are run one by one instead of approximated by one gradient.</summary>
    public bool IsExact { get; init; }

    /// <summary>The rule.</summary>
    public DropRule Drop { get; init; }

    /// <summary>τ₀: temperature of the merging weights.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau0 { get; init; }

    /// <summary>τ₁: temperature of the layers' (or tensors') keep ratios; infinite: all the same.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau1 { get; init; }

    /// <summary>τ₂: temperature of the rows' keep ratios within a layer.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double Tau2 { get; init; }

    /// <summary>What makes up for what is dropped.</summary>
    public RescaleRule Rescale { get; init; }

    /// <summary>Whether the merge needs what runs of the whole model with the kept changes tell: a density, or a factor for them.</summary>
    [JsonIgnore]
    public bool Searches => DropLevel is not null && (Density is null || (Rescale is RescaleRule.Task or RescaleRule.Mass && Density < 1));

    /// <summary>Whether the approximation is compared with exact interventions on layers and tensors.</summary>
    public bool Verifies { get; init; }

    /// <summary>Whether exact interventions on single rows may be run.</summary>
    public bool AllowsCostly { get; init; }

    /// <summary>Whether models get merging weights by importance.</summary>
    [JsonIgnore]
    public bool SetsWeights => Levels.Contains(PartitionLevel.Model);

    /// <summary>The level that decides what is dropped; <see langword="null"/> where only weights are set.</summary>
    [JsonIgnore]
    public PartitionLevel? DropLevel => Levels.Max() is var finest && finest > PartitionLevel.Model ? finest : null;

    /// <summary>APL's settings; <see langword="null"/> where it is not asked for, or not rightly.</summary>
    /// <param name="options">Reads the options.</param>
    internal static AplDeclaration? Read(OptionReader options)
    {
        if (options.Find(Options[0]) is not { } written || OptionKind.IsOneOf(written, OptionKind.Off))
            return null;
        var apl = options.Read(new AplDeclaration(written.Location) { Levels = [] }, Options);
        if (apl.Levels.Count == 0)
            return null;
        if (apl is { IsExact: true, AllowsCostly: false, DropLevel: PartitionLevel.Hidden })
        {
            options.Report(DiagnosticCode.CostlyScoring,
                "exact interventions on single rows run the model once per row, which takes days on real models. "
                + "Use AplScoring=\"gradient\", or set AplAllowCostly=\"true\".",
                written.Location);
        }

        return apl;
    }

    private static MergeOption<AplDeclaration, T> Row<T>(
        string metadata, string key, OptionKind<T> kind, T missing, string description,
        Func<AplDeclaration, T> get, Func<AplDeclaration, T, AplDeclaration> set, Func<AplDeclaration, bool>? isWritten = null) =>
        new(metadata, "apl", key, kind, missing, description, get, set) { IsProjectWide = true, IsWritten = isWritten };
}
