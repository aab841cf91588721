using System.Globalization;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Measuring.Evaluation;

namespace MergeTasks.Merging.Reporting;

/// <summary>
/// A report as one HTML page: no script, no network, nothing beside it. The same report is the same page, byte for byte.
/// </summary>
internal static class ReportPage
{
    /// <summary>The page.</summary>
    public static string Of(MergeReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var html = new HtmlText();
        html.Raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        html.Raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
        html.Raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        html.Add($"<title>{report.Name}</title>\n<style>\n").Raw(ReportStyle.Text).Raw("</style>\n</head>\n<body>\n");
        html.Add($"<header><h1>{report.Name}</h1><p class=\"dim\">A merge by <code>{report.Method}</code>, made with {report.Tool}.</p></header>\n");
        Section(html, "What was merged", () => Sources(html, report));
        if (report.Evaluations.Count > 0)
            Section(html, "Evaluation", () => Evaluations(html, report));
        if (report.Changes.Count > 0)
            Section(html, "Changes", () => Changes(html, report));
        if (report.Compared.Count > 1 && report.Changes.Count > 0)
            Section(html, "How the changes go together", () => Pairs(html, report));
        if (report.Search is { } search)
            Section(html, "Search", () => SearchSection.Add(html, search));
        if (report.Importance is not null || report.PartImportance.Count > 0 || report.Relaxed.Count > 0)
            Section(html, "Importance", () => ImportanceSection.Add(html, report));
        Section(html, "Recipe", () =>
        {
            html.Add($"<pre>{report.Recipe}</pre>\n");
            if (report.Parameters.Count > 0)
                html.Add($"<details><summary>Resolved parameters</summary><pre>{string.Join('\n', report.Parameters)}</pre></details>\n");
        });
        if (report.Missing.Count > 0)
            Section(html, "Not shown", () =>
                html.Raw("<ul>").Each(report.Missing, missing => html.Add($"<li>{missing}.</li>")).Raw("</ul>\n"));
        return html.Raw("</body>\n</html>\n").ToString();
    }

    /// <summary>A share for people.</summary>
    internal static string Percent(double share) => share.ToString(Math.Abs(share) < 0.1 ? "0.00 %" : "0.0 %", CultureInfo.InvariantCulture);

    /// <summary>A number for people.</summary>
    internal static string Digits(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private static void Section(HtmlText html, string title, Action content)
    {
        html.Add($"<section><h2>{title}</h2>\n");
        content();
        html.Raw("</section>\n");
    }

    private static void Sources(HtmlText html, MergeReport report)
    {
        ReportPictures.Graph(html, report);
        html.Raw("<table><thead><tr><th>model</th><th class=\"l\">role</th><th class=\"l\">licence, revision</th>"
            + "<th class=\"l\">merged from</th></tr></thead><tbody>\n");
        html.Each(report.Sources, source => html.Add(
            $"<tr><td class=\"l\">{source.Label}</td><td class=\"l\">{(source.IsBase ? "base" : "model")}</td><td class=\"l\">{source.Details}</td><td class=\"l\">{string.Join(", ", source.MadeFrom)}</td></tr>\n"));
        html.Raw("</tbody></table>\n");
    }

    private static void Evaluations(HtmlText html, MergeReport report)
    {
        html.Raw("<p>Intervals are of 95 %: Wilson's for shares of samples; for perplexities and mean ln p from how much texts or samples "
            + "differ.</p>\n");
        foreach (var evaluation in report.Evaluations)
        {
            var rows = evaluation.Results.OrderBy(result => result.Role switch { "base" => 0, "model" => 1, _ => 2 }).ToList();
            var isShare = rows.TrueForAll(row => row.Measure != MergeEvaluation.Name(Measure.Perplexity));
            string Shown(double value) => isShare ? Percent(value) : value.ToString("0.00", CultureInfo.InvariantCulture);
            (double, double)? Within(ManifestResult row) =>
                isShare ? WilsonInterval.Of(row.Value, row.Count)
                : row.StandardError is null ? null
                : (Math.Exp(-row.MeanLogProbability - Half(row)), Math.Exp(-row.MeanLogProbability + Half(row)));
            ReportPictures.Dots(
                html,
                $"{evaluation.Data}: {rows[0].Measure}{(isShare ? "" : ", smaller is better")}",
                [.. rows.Select(row => (Named(row), row.Value, Within(row), row.Role switch { "base" => 7, "model" => 0, _ => 1 }))],
                Shown);
            html.Raw("<details><summary>As a table</summary><table><thead><tr><th>model</th><th>measure</th><th>value</th><th>from</th>"
                + "<th>to</th><th>mean ln p</th><th>±</th><th>samples or tokens</th></tr></thead><tbody>\n");
            foreach (var row in rows)
            {
                var within = Within(row);
                html.Add($"<tr><td class=\"l\">{Named(row)}</td><td>{row.Measure}</td><td>{Shown(row.Value)}</td>");
                html.Add($"<td>{(within is { } low ? Shown(low.Item1) : "")}</td><td>{(within is { } high ? Shown(high.Item2) : "")}</td>");
                html.Add($"<td>{row.MeanLogProbability:0.0000}</td><td>{(row.StandardError is null ? null : (double?)Half(row)):0.0000}</td>");
                html.Add($"<td>{row.Count:N0}</td></tr>\n");
            }

            html.Raw("</tbody></table></details>\n");
        }

        static double Half(ManifestResult row) => WilsonInterval.Quantile * row.StandardError!.Value;
        static string Named(ManifestResult row) => row.Role == "model" ? row.Model : $"{row.Model} ({row.Role})";
    }

    private static void Changes(HtmlText html, MergeReport report)
    {
        html.Add($"<p>From <code>{report.Reference}</code>, over {report.Changes.Count} tensors. The size of a change is ‖θ − θ_b‖ / ‖θ_b‖.</p>\n");
        ReportPictures.Lines(
            html,
            "Size of each model's change over the layers",
            [.. report.Compared.Select((name, model) => (name, ByLayer(report, change => change.RelativeSize(model))))],
            Percent);
        var whole = WeightChange.Sum("", [.. report.Changes.Select(one => one.Change)]);
        html.Raw("<table><thead><tr><th>model</th><th>size of change</th><th>elements changed</th><th>largest</th>"
            + "<th>cosine of weights with the base</th><th>cosine of change with the merge's</th><th>kept by the merge</th>"
            + "</tr></thead><tbody>\n");
        foreach (var (model, name) in report.Compared.Index())
        {
            var last = report.Compared.Count - 1;
            var change = whole.Models[model];
            html.Add($"<tr><td class=\"l\">{name}</td><td>{Shown(whole.RelativeSize(model), Percent)}</td>");
            html.Add($"<td>{Percent((double)change.Changed / Math.Max(1, whole.Elements))}</td><td>{change.Largest:G3}</td>");
            html.Add($"<td>{Shown(whole.CosineWithBase(model), value => value.ToString("0.000000", CultureInfo.InvariantCulture))}</td>");
            html.Add($"<td>{(model == last ? "" : Shown(whole.CosineOf(model, last), Digits))}</td>");
            html.Add($"<td>{(model == last ? "" : Shown(whole.KeptOf(model, last), Percent))}</td></tr>\n");
        }

        html.Raw("</tbody></table>\n");
        foreach (var (model, name) in report.Compared.Index())
            Heat(html, $"{name}: size of change", report, change => change.RelativeSize(model), null, Percent);
        html.Raw("<p>Kept: of the elements that a model changed, those that the merge moves the same way.</p>\n");
        foreach (var (model, name) in report.Compared.SkipLast(1).Index())
            Heat(html, $"{name}: kept by the merge", report, change => change.KeptOf(model, report.Compared.Count - 1), 1, Percent);
    }

    private static void Pairs(HtmlText html, MergeReport report)
    {
        html.Raw("<p>Cosine: of two models' changes, 1 where they point the same way, 0 where they have nothing to do with each other. "
            + "Sign conflicts: of the elements that both changed, those that they changed in opposite directions; half of them by chance.</p>\n");
        var pairs = (from one in Enumerable.Range(0, report.Compared.Count)
                     from other in Enumerable.Range(one + 1, report.Compared.Count - one - 1)
                     select (One: one, Other: other, Name: $"{report.Compared[one]} × {report.Compared[other]}")).ToList();
        ReportPictures.Lines(
            html,
            "Cosine of changes over the layers",
            [.. pairs.Select(pair => (pair.Name, ByLayer(report, change => change.CosineOf(pair.One, pair.Other))))],
            Digits);
        foreach (var pair in pairs)
            Heat(html, $"{pair.Name}: cosine of changes", report, change => change.CosineOf(pair.One, pair.Other), 1, Digits);

        // The merge is made of the others, so only theirs are conflicts.
        foreach (var pair in pairs.Where(pair => pair.Other < report.Compared.Count - 1))
            Heat(html, $"{pair.Name}: sign conflicts", report, change => change.PairOf(pair.One, pair.Other).Conflict, 1, Percent);
    }

    private static void Heat(
        HtmlText html, string caption, MergeReport report, Func<WeightChange, double?> value, double? full, Func<double, string> format)
    {
        var cells = report.Changes.GroupBy(one => HeatTable.Grouped(one.Place))
            .Select(group => (group.Key, Value: value(WeightChange.Sum("", [.. group.Select(one => one.Change)])))).ToList();
        html.Add($"<details{(report.Changes.Count > 0 && caption.EndsWith("size of change", StringComparison.Ordinal) ? " open" : "")}>");
        html.Add($"<summary>{caption}</summary>\n");
        HeatTable.Add(html, caption, cells, full ?? cells.Max(cell => Math.Abs(cell.Value ?? 0)), format);
        html.Raw("</details>\n");
    }

    // Of the stack with most tensors: the language model's.
    private static double?[] ByLayer(MergeReport report, Func<WeightChange, double?> value)
    {
        var main = report.Changes.Where(one => one.Place.Layer is not null)
            .GroupBy(one => one.Place.Stack).OrderByDescending(stack => stack.Count()).FirstOrDefault();
        if (main is null)
            return [];
        var layers = new double?[main.Max(one => one.Place.Layer!.Value) + 1];
        foreach (var layer in main.GroupBy(one => one.Place.Layer!.Value))
            layers[layer.Key] = value(WeightChange.Sum("", [.. layer.Select(one => one.Change)]));
        return layers;
    }

    private static string Shown(double? value, Func<double, string> format) => value is { } number ? format(number) : "";
}
