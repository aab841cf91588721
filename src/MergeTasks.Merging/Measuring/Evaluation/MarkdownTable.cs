namespace MergeTasks.Merging.Measuring.Evaluation;

/// <summary>Rows as a table in Markdown that is also one for the eye: its columns are of one width.</summary>
internal static class MarkdownTable
{
    /// <summary>The lines: the first row is the heading; all have as many cells.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<string[]> rows)
    {
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        yield return Line(rows[0]);
        yield return "|" + string.Concat(widths.Select(width => new string('-', width + 2) + "|"));
        foreach (var row in rows.Skip(1))
            yield return Line(row);

        string Line(string[] row) => "|" + string.Concat(row.Select((cell, column) => $" {cell.PadRight(widths[column])} |"));
    }
}
