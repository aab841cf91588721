using System.Globalization;

namespace MergeTasks.Merging.Measuring.Evaluation;

/// <summary>Evaluations as a table in Markdown that is also one for the eye: a row for each model, a column for each file.</summary>
internal static class EvaluationTable
{
    /// <summary>The lines. Bases come first, then the models that merges were made from, then the merges in bold.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<MergeEvaluation> evaluations)
    {
        ArgumentNullException.ThrowIfNull(evaluations);
        var columns = evaluations.Select(evaluation =>
            (evaluation.Declaration.Data.Path, evaluation.Declaration.TokensPerText, evaluation.Merged.Measure)).Distinct().ToList();
        var results = evaluations.SelectMany(evaluation => evaluation.Models
                .Select(model =>
                    (Rank: model.IsBase ? 0 : 1, Name: model.IsBase ? $"{Short(model.Model)} (base)" : Short(model.Model), model.Result))
                .Append((Rank: 2, Name: $"**{evaluation.Declaration.Merge}**", Result: evaluation.Merged))
                .Select(row =>
                    (row.Rank,
                        row.Name,
                        row.Result,
                        Column: columns.IndexOf(
                            (evaluation.Declaration.Data.Path, evaluation.Declaration.TokensPerText, evaluation.Merged.Measure)))))
            .ToList();
        var rows = results.GroupBy(result => (result.Rank, result.Name)).OrderBy(group => group.Key.Rank)
            .Select(group =>
                (string[])[
                    group.Key.Name,
                    .. columns.Select((_, column) =>
                        group.Where(result => result.Column == column).Select(result => Cell(result.Result)).FirstOrDefault(""))
                ]).ToList();
        rows.Insert(0, ["", .. columns.Select(column => $"{Short(column.Path)}: {Heading(column.Measure)}")]);
        return MarkdownTable.Of(rows);
    }

    private static string Short(string path) => Path.GetFileNameWithoutExtension(path.Replace('\\', '/').TrimEnd('/'));

    private static string Heading(Measure measure) =>
        measure == Measure.Perplexity ? "perplexity" : $"{MergeEvaluation.Name(measure)}, nll";

    private static string Cell(Measurement result) => result.Measure == Measure.Perplexity
        ? string.Create(CultureInfo.InvariantCulture, $"{result.Value:0.00}")
            : string.Create(CultureInfo.InvariantCulture, $"{result.Value * 100,5:0.0} % {-result.LogProbability:0.000}");
}
