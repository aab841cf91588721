using System.Globalization;
using System.Text;

namespace MergeTasks.Bench.Study;

/// <summary>The study as Markdown.</summary>
internal static class StudyText
{
    public static string Of(StudyOptions options, IReadOnlyList<Curve> curves)
    {
        var text = new StringBuilder();
        text.Append($"""
            # Recovery against forgetting

            ![Recovery over forgetting]({Path.GetFileName(options.Out)}.svg)

            Merges of {string.Join(", ", options.Tasks)} on {options.Base}, each with {options.Factors.Count} factors of the merged change. Up and to the left is better: more of what the
            fine-tunes gained is kept, and less of the base is forgotten. A curve, and not a point, is what a method can do: a weight only chooses the point.

            {Findings(curves)}

            With {curves.Count - curves.Count(curve => curve.Variant == Variant.Plain.Name)} differences and 95 % intervals, one in twenty would exclude 0 by chance.

            ## What to choose

            - **Large models with small changes** (a full fine-tune that moves weights by less than a percent): APL's defaults, with task data for every model. On the one that was
              measured they keep 94 to 97 % of three fine-tunes' gains where the best plain merge keeps 89 %, at half of its forgetting ([figures](importance.md#does-it-help)).
            - **Small models, or large changes** (the example's: two million parameters, changes of 3 to 16 % of the weights): nothing around `task_arithmetic` helps the merge. With
              APL's defaults a build finds that out and leaves APL out (the rows "as a build has it"; the others take the step in any case). One model alone can be pruned to a tenth.
            - **What the base can do matters more than the tasks**: a smaller factor is the first thing to try, and moves along the plain curve for nothing. AIM with
              `AimNormalization="mean"` forgets less for some recovery; compare its curve with the plain one at the same KL before using it.
            - **Which method**: with the factor chosen by the build, `task_arithmetic` is a good start. On the example's models `regmean`, which has statistics of the
              models on their tasks, keeps most (.84), and `multislerp` forgets least for what it keeps. `ties`, `sce` and `pcb` without APL suffer where changes
              overlap; with APL they do not.

            ## The figures

            Written by

            ```
            dotnet run -c Release --project bench/MergeTasks.Bench.Study{(options.Command.Length > 0 ? $" -- {options.Command}" : "")}
            ```

            in the root of the repository. For other models, a folder each with `data/NAME.jsonl` (samples that decide) and `eval/NAME.jsonl` (held out), both
            `{"{"}"prompt", "target"{"}"}`, and a file of texts `{"{"}"text"{"}"}` for forgetting; `--help` says the rest:

            ```
            dotnet run -c Release --project bench/MergeTasks.Bench.Study -- --models ~/models --base SmolLM2-135M-Instruct --tasks arithmetic,json,routing \
                --general ~/models/eval/general.jsonl --calibration ~/models/data/calibration.jsonl --block 512 --out study-135m
            ```

            Each row is a curve at the factor that is best on the even items; its figures are of the odd ones. *Recovery*: share of each fine-tune's
            gain in log-probability over the base that the merge keeps, mean of the tasks. *Difference*: to the method alone, itself at its best
            factor, paired by items, with its 95 % interval (bootstrap, {Estimate.Resamples} resamples); **bold** where that excludes 0. *Exact*: items answered exactly.
            *KL*: from the base, on {options.Texts} general texts. Methods with a density of their own have 0.2; `t` is 0.5.

            | method | | factor | recovery | difference | exact | KL |
            |---|---|---|---|---|---|---|

            """.ReplaceLineEndings("\n"));
        foreach (var curve in curves)
        {
            var plain = curves.First(other => other.Method == curve.Method && other.Variant == Variant.Plain.Name);
            var best = curve.Best;
            text.Append(string.Create(CultureInfo.InvariantCulture,
                $"| {curve.Method} | {curve.Variant} | {best.Factor:0.##} | {best.Odd.Value:0.000} | {Difference(curve, plain)} "
                    + $"| {best.Exact:0.00} | {best.Divergence:0.00} |\n"));
        }

        text.Append("\nEvery point, as recovery on the odd items / KL:\n\n");
        text.Append("| method | |")
            .Append(string.Concat(options.Factors.Select(factor => string.Create(CultureInfo.InvariantCulture, $" {factor:0.##} |"))))
            .Append('\n');
        text.Append("|---|---|").Append(string.Concat(options.Factors.Select(_ => "---|"))).Append('\n');
        foreach (var curve in curves)
        {
            text.Append($"| {curve.Method} | {curve.Variant} |")
                .Append(
                    string.Concat(
                        curve.Points.Select(point =>
                            string.Create(CultureInfo.InvariantCulture, $" {point.Odd.Value:0.000} / {point.Divergence:0.00} |"))))
                                .Append('\n');
        }

        return text.ToString();
    }

    private static string Findings(IReadOnlyList<Curve> curves)
    {
        var text = new StringBuilder();
        foreach (var variant in curves.Select(curve => curve.Variant).Distinct().Where(name => name != Variant.Plain.Name))
        {
            var differences = curves.Where(curve => curve.Variant == variant).Select(curve =>
            {
                var plain = curves.First(other => other.Method == curve.Method && other.Variant == Variant.Plain.Name);
                return (curve.Method,
                    Difference: curve.Best.Odd - plain.Best.Odd,
                    Forgetting: curve.Best.Divergence - plain.Best.Divergence);
            }).ToList();
            (string Verb, List<string> Methods)[] outcomes =
            [
                ("recovered more", Names(difference => difference.Low > 0)),
                ("recovered less", Names(difference => difference.High < 0)),
                ("made no difference beyond chance", Names(difference => difference is { Low: <= 0, High: >= 0 } and not { Low: 0, High: 0 })),
                ("was left out, so that the merge is the plain one,",
                    differences.Where(entry => entry.Difference is { Low: 0, High: 0 }).Select(entry => $"`{entry.Method}`").ToList()),
            ];
            text.Append($"**{variant}** ")
                .AppendJoin(
                    "; ",
                    outcomes.Where(outcome => outcome.Methods.Count > 0)
                        .Select(outcome => $"{outcome.Verb} with {string.Join(", ", outcome.Methods)}"))
                .Append(".\n\n");

            List<string> Names(Func<Estimate, bool> holds) => differences.Where(entry => holds(entry.Difference))
                .Select(entry =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"`{entry.Method}` ({entry.Difference.Value:+0.000;-0.000}, "
                            + $"KL {Math.Round(entry.Forgetting, 2):+0.00;-0.00;+0.00})")).ToList();
        }

        return text.ToString().TrimEnd();
    }

    private static string Difference(Curve curve, Curve plain)
    {
        if (curve == plain)
            return "";
        var difference = curve.Best.Odd - plain.Best.Odd;
        var cell = string.Create(
            CultureInfo.InvariantCulture,
            $"{difference.Value:+0.000;-0.000} [{difference.Low:+0.000;-0.000}, {difference.High:+0.000;-0.000}]");
        return difference.Low > 0 || difference.High < 0 ? $"**{cell}**" : cell;
    }
}
