using System.Globalization;
using MergeTasks.Language.Options;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Measuring.Evaluation;

namespace MergeTasks.Merging.Searching;

/// <summary>What a search has found, as a table in Markdown that is also one for the eye.</summary>
internal static class SearchTable
{
    /// <summary>The lines: models and merges in the order of the record, the best last, in bold.</summary>
    public static IEnumerable<string> Of(SearchDeclaration search, SearchRecord found)
    {
        var rows = found.Figures.Select(figure => (string[])[
            figure.Model == SearchComparison.Best ? $"**{found.Merge}, best**" : figure.Model,
            Text(figure.Selecting),
            Text(figure.HeldOut),
            $"{Text(figure.Low)} to {Text(figure.High)}",
            figure.Gain is { } gain ? $"{Signed(gain)} ({Signed(figure.GainLow!.Value)} to {Signed(figure.GainHigh!.Value)})" : "",
        ]).ToList();
        rows.Insert(0, ["", $"{OptionKind.NameOf(search.Objective)}, choosing", "held out", "95 %", "the best has more"]);
        return MarkdownTable.Of(rows);
    }

    private static string Text(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private static string Signed(double value) => value.ToString("+0.000;-0.000;0", CultureInfo.InvariantCulture);
}
