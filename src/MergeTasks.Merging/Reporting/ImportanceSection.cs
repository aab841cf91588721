using MergeTasks.Merging.Planning.Importance;

namespace MergeTasks.Merging.Reporting;

/// <summary>What AIM and APL did: importance and kept changes by layer, relaxation by tensor, and the check on held samples.</summary>
internal static class ImportanceSection
{
    /// <summary>Adds the section's content.</summary>
    public static void Add(HtmlText html, MergeReport report)
    {
        if (report.Importance?.Check is { } check)
            Check(html, check);
        var models = report.Importance?.Models ?? [];
        if (models.Count > 0)
            Models(html, models);
        ByLayer(
            html,
            "APL: importance of each layer's change, as a share of the model's largest",
            "importance",
            [.. report.LayerImportance.Select(model => (model.Model, model.Layers, Full: model.Layers.Max(layer => layer.Importance)))]);
        ByLayer(
            html,
            "APL: share of the changed elements that is kept",
            "kept",
            [.. models.Where(model => model.Kept is not null)
                .Select(model => (
                    model.Model, (IReadOnlyList<(string, double)>)[.. model.Kept!.Select(pair => (pair.Key, pair.Value))], 1.0))]);
        if (report.Relaxed.Count == 0)
            return;
        html.Raw("<p>AIM pulls the merged change back where a channel is active: the mean share of it that each tensor keeps.</p>\n");
        HeatTable.Add(
            html,
            "AIM: share of the merged change that is kept",
            [.. report.Relaxed.GroupBy(one => HeatTable.Grouped(one.Place))
                .Select(group => (group.Key, (double?)group.Average(one => one.Kept)))],
            1,
            ReportPage.Percent);
    }

    private static void Check(HtmlText html, CheckReport check)
    {
        html.Raw("<p>The merge and the same merge with fewer steps, on samples that nothing was decided by: recovery is the share of each "
            + "fine-tuned model's gain in log-probability over the base that the merge keeps, the mean of the tasks.</p>\n");
        if (check.LeftOut is { } step)
            html.Add($"<p><strong>{step} was left out</strong>: on the samples that decided, the merge is not better with it beyond chance.</p>\n");
        ReportPictures.Dots(
            html,
            "What each step adds to recovery on held samples, with its 95 % interval",
            [
                .. check.Steps.Where(one => one.Change is not null).Select((one, i) => (
                    $"with {one.Step}",
                    one.Change!.Value,
                    one.Within is { } within ? ((double, double)?)(one.Change.Value - within, one.Change.Value + within) : null,
                    i)),
            ],
            value => value.ToString("+0.000;-0.000", System.Globalization.CultureInfo.InvariantCulture));
        html.Raw("<table><thead><tr><th>merge</th><th>factor</th><th>recovery, deciding samples</th><th>recovery, held samples</th>"
            + "<th>change</th><th>±, 95 %</th></tr></thead><tbody>\n");
        html.Each(check.Steps, one => html.Add(
            $"<tr><td class=\"l\">{(one.Step == "plain" ? "plain" : "with " + one.Step)}</td><td>{one.Factor:0.##}</td><td>{one.Recovery:0.000}</td><td>{one.Held:0.000}</td><td>{one.Change:+0.000;-0.000}</td><td>{one.Within:0.000}</td></tr>\n"));
        html.Raw("</tbody></table>\n");
    }

    private static void Models(HtmlText html, IReadOnlyList<ModelReport> models)
    {
        html.Raw("<table><caption>APL by model</caption><thead><tr><th>model</th><th>changed elements</th><th>importance</th><th>weight</th>"
            + "<th>density</th><th>elements kept</th><th>multiplied by</th><th>of its own gain</th></tr></thead><tbody>\n");
        foreach (var model in models)
        {
            html.Add($"<tr><td class=\"l\">{model.Model}</td><td>{model.Changed:N0}</td><td>{model.Importance:G4}</td><td>{model.Weight:G4}</td>");
            html.Add($"<td>{model.Change?.Density:0.####}</td><td>{(model.Change is { } kept ? ReportPage.Percent(kept.Kept) : "")}</td>");
            html.Add($"<td>{model.Change?.Scale:0.####}</td><td>{(model.Change?.Recovery is { } own ? ReportPage.Percent(own) : "")}</td></tr>\n");
        }

        html.Raw("</tbody></table>\n");
    }

    // A column for each model, shaded by its own largest number.
    private static void ByLayer(
        HtmlText html,
        string caption,
        string what,
        IReadOnlyList<(string Model, IReadOnlyList<(string Layer, double Value)> Layers, double Full)> models)
    {
        if (models.Count == 0)
            return;
        var layers = models.SelectMany(model => model.Layers.Select(layer => layer.Layer)).Distinct().ToList();
        html.Add($"<div class=\"wide\"><table><caption>{caption}</caption><thead><tr><th>layer</th>");
        html.Each(models, model => html.Add($"<th>{model.Model}, {what}</th>")).Raw("</tr></thead><tbody>\n");
        var byModel = models.Select(model => model.Layers.ToDictionary(layer => layer.Layer, layer => layer.Value)).ToList();
        foreach (var layer in layers)
        {
            html.Add($"<tr><th scope=\"row\">{layer}</th>");
            foreach (var (i, own) in byModel.Index())
            {
                if (!own.TryGetValue(layer, out var value))
                {
                    html.Raw("<td></td>");
                    continue;
                }

                var share = models[i].Full > 0 ? value / models[i].Full : 0;
                html.Add($"<td class=\"h{(int)Math.Round(share * ReportStyle.Shades)}\">{ReportPage.Percent(share)}</td>");
            }

            html.Raw("</tr>\n");
        }

        html.Raw("</tbody></table></div>\n");
    }
}
