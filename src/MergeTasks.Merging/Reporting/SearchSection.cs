using System.Globalization;
using MergeTasks.Language.Searching;

namespace MergeTasks.Merging.Reporting;

/// <summary>How the merge's settings were found: what was tried, the best so far, and what it is compared with.</summary>
internal static class SearchSection
{
    // So many candidates are drawn and listed; of more, those that were measured on all items, the best of them.
    private const int Most = 1000;

    /// <summary>Adds the section's content.</summary>
    public static void Add(HtmlText html, ReportedSearch search)
    {
        var found = search.Found;
        var trials = Trials(found.Candidates);
        html.Add($"<p>{found.Candidates.Count} candidates were tried. Objective: {search.Objective}, larger is better. Chosen: <code>{new SearchedSettings(found.Settings)}</code></p>\n");
        ReportPictures.Dots(
            html,
            $"{search.Objective} on items that the search has not seen, with 95 % intervals",
            [
                .. found.Figures.Select(figure => (
                    figure.Model, figure.HeldOut, ((double, double)?)(figure.Low, figure.High), figure.Model == "best" ? 1 : 0)),
            ],
            ReportPage.Digits);
        html.Raw("<table><thead><tr><th>model</th><th>choosing items</th><th>held-out items</th><th>from</th><th>to</th>"
            + "<th>the best has more</th><th>from</th><th>to</th></tr></thead><tbody>\n");
        html.Each(found.Figures, figure => html.Add(
            $"<tr><td class=\"l\">{figure.Model}</td><td>{figure.Selecting:0.000}</td><td>{figure.HeldOut:0.000}</td><td>{figure.Low:0.000}</td><td>{figure.High:0.000}</td><td>{figure.Gain:+0.000;-0.000}</td><td>{figure.GainLow:+0.000;-0.000}</td><td>{figure.GainHigh:+0.000;-0.000}</td></tr>\n"));
        html.Raw("</tbody></table>\n");
        var shown = trials.Count <= Most ? trials
            : [.. trials.Where(trial => trial.Told.Items == 1).OrderByDescending(trial => trial.Told.Objective).Take(Most).OrderBy(trial => trial.Number)];
        ReportPictures.Trace(
            html,
            "Each candidate's objective on the items that choose, and the best so far of those that saw all of them",
            [.. shown.Select(trial => (trial.Number, trial.Told.Objective, trial.Told.Items == 1, trial.Method, trial.Best))],
            ReportPage.Digits);
        html.Raw("<details><summary>All candidates as a table</summary><div class=\"wide\"><table><thead><tr><th>candidate</th>"
            + "<th class=\"l\">settings</th><th>share of the items</th><th>objective</th><th>best so far</th><th class=\"l\">guards</th></tr></thead><tbody>\n");
        foreach (var trial in shown)
        {
            var objective = trial.Told.Objective?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "cannot be made";
            html.Add($"<tr><td>{trial.Number}</td><td class=\"l\">{trial.Told.Settings}</td><td>{trial.Told.Items:0.##}</td><td>{objective}</td>");
            html.Add($"<td>{trial.Best:0.0000}</td><td class=\"l\">{(trial.Told.MissesGuard == true ? "missed" : "")}</td></tr>\n");
        }

        html.Raw("</tbody></table></div></details>\n");
        if (shown.Count < trials.Count)
            html.Add($"<p class=\"dim\">Shown are the {shown.Count} best of those that saw all items; the search's file has all {trials.Count}.</p>\n");
    }

    private static List<(int Number, TriedCandidate Told, string Method, double? Best)> Trials(IReadOnlyList<TriedCandidate> candidates)
    {
        var (trials, best) = (new List<(int, TriedCandidate, string, double?)>(), (double?)null);
        foreach (var (i, told) in candidates.Index())
        {
            if (told is { Items: 1, MissesGuard: not true, Objective: { } objective } && !(objective <= best))
                best = objective;
            trials.Add((i + 1, told, told.Method, best));
        }

        return trials;
    }
}
