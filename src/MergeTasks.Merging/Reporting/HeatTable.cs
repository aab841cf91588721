using System.Text.RegularExpressions;
using MergeTasks.Merging.Looking;

namespace MergeTasks.Merging.Reporting;

/// <summary>
/// Numbers by layer (rows) and kind of tensor (columns), each cell shaded by its number: picture and table in one. Tensors outside of
/// layers are rows of their own.
/// </summary>
internal static partial class HeatTable
{
    /// <summary>Adds one.</summary>
    /// <param name="html">The page.</param>
    /// <param name="caption">What it shows.</param>
    /// <param name="cells">The numbers; <see langword="null"/> where there is none.</param>
    /// <param name="full">The number that gets the strongest shade; smaller ones are shaded in proportion, negative ones in the other
    /// colour.</param>
    /// <param name="format">How numbers are written.</param>
    /// <param name="after">What follows a place's number; <see langword="null"/>: nothing does.</param>
    public static void Add(
        HtmlText html, string caption, IReadOnlyList<(TensorPlace Place, double? Value)> cells, double full, Func<double, string> format,
        Func<TensorPlace, string>? after = null)
    {
        var kinds = cells.Where(cell => cell.Place.Layer is not null).Select(cell => cell.Place.Kind).Distinct().ToList();
        html.Add($"<div class=\"wide\"><table><caption>{caption}</caption><thead><tr><th scope=\"col\">layer</th>");
        html.Each(kinds, kind => html.Add($"<th scope=\"col\">{Breakable(kind)}</th>")).Raw("</tr></thead><tbody>\n");
        foreach (var row in Rows(cells))
        {
            html.Add($"<tr><th scope=\"row\">{row.Key}</th>");
            var own = row.ToDictionary(cell => cell.Place.Layer is null ? "" : cell.Place.Kind);
            if (own.TryGetValue("", out var alone))
                Cell(html, alone.Value, full, value => format(value) + after?.Invoke(alone.Place), Math.Max(1, kinds.Count));
            else
                html.Each(kinds, kind => Cell(
                    html, own.GetValueOrDefault(kind).Value, full, value => format(value) + after?.Invoke(own[kind].Place), 1));
            html.Raw("</tr>\n");
        }

        html.Raw("</tbody></table></div>\n");
    }

    /// <summary>A kind of tensor with its numbers left out, so that all experts of a layer are one.</summary>
    public static TensorPlace Grouped(TensorPlace place) =>
        place.Layer is null ? place : place with { Kind = Number().Replace(place.Kind, ".*") };

    // Tensors outside of layers first, then each stack's layers in order.
    private static IEnumerable<IGrouping<string, (TensorPlace Place, double? Value)>> Rows(
        IReadOnlyList<(TensorPlace Place, double? Value)> cells) =>
        cells.OrderBy(cell => cell.Place.Stack, StringComparer.Ordinal)
            .ThenBy(cell => cell.Place.Layer ?? -1)
            .GroupBy(cell => cell.Place.LayerName);

    private static void Cell(HtmlText html, double? value, double full, Func<double, string> format, int columns)
    {
        var shade = value is { } number && full > 0 && double.IsFinite(number)
            ? (int)Math.Round(Math.Min(1, Math.Abs(number) / full) * ReportStyle.Shades) : 0;
        html.Raw("<td");
        if (shade > 0)
            html.Add($" class={(value < 0 ? "n" : "h") + shade}");
        if (columns > 1)
            html.Add($" colspan={columns} style=\"text-align:left\"");
        html.Add($">{(value is { } shown ? format(shown) : "")}</td>");
    }

    // Long names would make the table wider than the page.
    private static string Breakable(string kind) =>
        kind.Replace(".", ".\u200b", StringComparison.Ordinal).Replace("_", "_\u200b", StringComparison.Ordinal);

    [GeneratedRegex(@"\.[0-9]+(?=\.|$)")]
    private static partial Regex Number();
}
