using System.Text;

namespace MergeTasks.Bench.Study;

/// <summary>The study as Markdown.</summary>
internal static class StudyText
{
    public static string Of(IReadOnlyList<StudyRow> rows, int merges)
    {
        var text = new StringBuilder();
        text.Append($"""
            # Does it help? AIM and APL on the example models

            Written by

            ```
            dotnet run -c Release --project bench/MergeTasks.Bench.Study
            ```

            in the root of the repository (or `dotnet build example-project -t:Study`): {merges} merges of the four checkpoints in
            [`example-project/models`](../example-project/models/README.md), measured on their held-out data. Results are kept in the cache of scores, so a second run
            makes and runs nothing. The last digits may differ on a processor with another vector width.

            ![Loss in domain and forgetting by method and variant](study.svg)

            **AIM.** {Finding(rows, Variant.Aim)}

            **APL.** {Finding(rows, Variant.Apl)}

            **Both.** {Finding(rows, Variant.Both)}

            With 42 differences and 95 % intervals, about two would exclude 0 by chance. These are small models; large ones may behave otherwise.

            ## Beside the plain method

            Both criteria are better where smaller. *In domain*: nll relative to the best fine-tune's, averaged over code, manual and math (1: as good as three
            specialists). *Forgetting*: nll above the base's, averaged over dictionary and pydoc. Differences are to the same method with neither;
            **bold** where the interval excludes 0. Settings are chosen for each variant by the first criterion alone, so a difference in forgetting may
            be that of another `Lambda` or `T` rather than of AIM or APL.

            | method | | settings chosen | in domain | difference | forgetting | difference |
            |---|---|---|---|---|---|---|

            """);
        foreach (var row in rows.Skip(Study.Originals.Count))
        {
            var plain = Plain(rows, row);
            text.Append($"| {row.Candidate.Method} | {Label(row.Candidate.Variant)} | {row.Candidate.SettingsText} | {Cell(row.InDomain)} | {Difference(row, plain, r => r.InDomain)} | {Cell(row.Forgetting)} | {Difference(row, plain, r => r.Forgetting)} |\n");
        }

        text.Append("""

            ## Every set

            Nll of a token, mean over texts (math: over problems, of the answer's tokens; perplexity is e to the nll), and the share of problems whose answer is exactly the most probable one.

            | model | | code | manual | math | math, exact match | dictionary | pydoc |
            |---|---|---|---|---|---|---|---|

            """);
        foreach (var row in rows)
        {
            var isOriginal = Study.Originals.Contains(row.Candidate);
            var cells = HeldOutSet.InDomain.Select(set => row.Nll[set]).Append(row.Exact).Concat(HeldOutSet.BaseDomain.Select(set => row.Nll[set])).Select(Cell);
            text.Append($"| {(isOriginal ? $"*{row.Candidate.Models[0]}*" : row.Candidate.Method)} | {(isOriginal ? "as it is" : Label(row.Candidate.Variant))} | {string.Join(" | ", cells)} |\n");
        }

        text.Append($"""

            ## How it was measured

            - Items: 100 texts of each kind, cut after {StudyMerges.TrainedTokens} tokens, because the models were trained on sequences of that length; 300 problems. Each text is preceded by token 0.
            - Settings are chosen on the items at even positions, by the criterion *in domain* (forgetting is not looked at); all figures are of the items at odd positions.
            - Brackets hold 95 % intervals: percentile bootstrap over items, {Estimate.Resamples} resamples with a fixed seed, the same resamples for all models, so that differences are paired.
            - Values tried: {string.Join("; ", Grid.Description)}. All other settings are the defaults, with `Apl="layer"`, `AimBlock="{StudyMerges.TrainedTokens}"`, weights of 1, and `Normalize="false"` for `ties`, so that `Lambda` means the same for all.
            - The grid is the third that was tried, and the odd items of the earlier two were seen. The first also had a density of 0.3 (never chosen) and no `Lambda` of 1.2; the second
              had `AplDrop` (random, magnitude) in the place of `AplTau1`. In both, APL hurt every method in domain.
            - Where APL drops, the method's own sparsifier does not, so `dare_linear` is then `task_arithmetic`, and `dare_ties` is `ties`.
            - AIM's calibration text and APL's task samples are those in `example-project/models/data`; none of the held-out items is among them.
            - `slerp` takes two models: code and math. It knows no manual pages but what those know, so compare it with itself only. `linear` has no setting of its own.
            - `passthrough` takes one model and merges nothing: its rows are the fine-tune math, relaxed and pruned. With neither, it is that model as it is.

            """);
        return text.ToString();
    }

    /// <summary>A variant's name for people.</summary>
    public static string Label(Variant variant) => variant switch
    {
        Variant.None => "neither",
        Variant.Aim => "AIM",
        Variant.Apl => "APL",
        _ => "both",
    };

    private static StudyRow Plain(IReadOnlyList<StudyRow> rows, StudyRow row) =>
        rows.Skip(Study.Originals.Count).First(plain => plain.Candidate.Method == row.Candidate.Method && plain.Candidate.Variant == Variant.None);

    private static string Cell(Estimate figure) => $"{figure.Value:0.000} [{figure.Low:0.000}, {figure.High:0.000}]";

    private static string Difference(StudyRow row, StudyRow plain, Func<StudyRow, Estimate> figure)
    {
        if (row == plain)
            return "";
        var difference = figure(row) - figure(plain);
        var cell = $"{difference.Value:+0.000;-0.000} [{difference.Low:+0.000;-0.000}, {difference.High:+0.000;-0.000}]";
        return difference.Low > 0 || difference.High < 0 ? $"**{cell}**" : cell;
    }

    private static string Finding(IReadOnlyList<StudyRow> rows, Variant variant) =>
        $"In domain it {Outcome(rows, variant, row => row.InDomain)}. On the base's own texts it {Outcome(rows, variant, row => row.Forgetting)}.";

    private static string Outcome(IReadOnlyList<StudyRow> rows, Variant variant, Func<StudyRow, Estimate> figure)
    {
        var differences = rows.Skip(Study.Originals.Count).Where(row => row.Candidate.Variant == variant)
            .Select(row => (row.Candidate.Method, Difference: figure(row) - figure(Plain(rows, row)))).ToList();
        (string Verb, IEnumerable<(string Method, Estimate Difference)> Entries)[] outcomes =
        [
            ("helped", differences.Where(entry => entry.Difference.High < 0)),
            ("hurt", differences.Where(entry => entry.Difference.Low > 0)),
            ("made no difference beyond chance for", differences.Where(entry => entry.Difference is { Low: <= 0, High: >= 0 })),
        ];
        return string.Join("; it ", outcomes.Where(outcome => outcome.Entries.Any())
            .Select(outcome => $"{outcome.Verb} {string.Join(", ", outcome.Entries.Select(entry => $"`{entry.Method}` ({entry.Difference.Value:+0.000;-0.000})"))}"));
    }
}
