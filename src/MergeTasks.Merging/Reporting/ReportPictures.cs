namespace MergeTasks.Merging.Reporting;

/// <summary>The pictures, as SVG within the page. Whatever they show, a table beside them has as numbers.</summary>
internal static class ReportPictures
{
    private const int Width = 760;
    private const int BoxWidth = 210;
    private const int BoxHeight = 34;
    private const int Step = 46;
    private const int LongestName = 30;
    private const int AxisWidth = 66;
    private const int PlotHeight = 190;
    private const int RowHeight = 24;
    private const int LabelWidth = 230;
    private const int ValueWidth = 200;

    /// <summary>The models and the merge, with an arrow from each to what it went into.</summary>
    public static void Graph(HtmlText html, MergeReport report)
    {
        var sourceX = report.Sources.Any(source => source.MadeFrom.Count > 0) ? BoxWidth + 60 : 1;
        var (boxes, middles, height) = (new HtmlText(), new List<int>(), 0);
        foreach (var source in report.Sources)
        {
            var rows = Math.Max(1, source.MadeFrom.Count);
            var middle = height + (rows * Step / 2);
            foreach (var (i, earlier) in source.MadeFrom.Index())
            {
                Box(boxes, 1, height + (i * Step) + (Step / 2), earlier, "");
                Arrow(boxes, BoxWidth + 1, height + (i * Step) + (Step / 2), sourceX, middle);
            }

            Box(boxes, sourceX, middle, source.Label, source.IsBase ? "base" : source.Details);
            middles.Add(middle);
            height += rows * Step;
        }

        var mergeX = sourceX + BoxWidth + 60;
        html.Each(middles, middle => Arrow(boxes, sourceX + BoxWidth, middle, mergeX, height / 2));
        Box(boxes, mergeX, height / 2, report.Name, report.Method);
        Begin(html, mergeX + BoxWidth + 2, height, $"{string.Join(", ", report.Sources.Select(source => source.Label))} into {report.Name}");
        html.Raw(boxes.ToString()).Raw("</svg></figure>\n");
    }

    /// <summary>One line for each series over the layers.</summary>
    /// <param name="html">The page.</param>
    /// <param name="title">What it shows.</param>
    /// <param name="series">Name and values, one for each layer; none where there is no number.</param>
    /// <param name="format">How numbers on the axis are written.</param>
    public static void Lines(
        HtmlText html, string title, IReadOnlyList<(string Name, double?[] Values)> series, Func<double, string> format)
    {
        var known = series.SelectMany(one => one.Values).OfType<double>().ToList();
        var layers = series.Max(one => one.Values.Length);
        if (known.Count == 0 || layers < 2)
            return;
        var step = RoundStep(Math.Max(known.Max(), 1e-12) - Math.Min(0, known.Min()));
        var (first, last) = (Math.Floor(Math.Min(0, known.Min()) / step), Math.Ceiling(Math.Max(known.Max(), 1e-12) / step));
        var (low, high) = (first * step, last * step);
        var legend = PlotHeight + 46;
        Begin(html, Width, legend + (((series.Count + 2) / 3) * 18), title);
        for (var tick = first; tick <= last; tick++)
        {
            var value = tick * step;
            html.Add($"<path class=\"axis\" d=\"M{AxisWidth} {Y(value):0.#}H{Width - 8}\"/>");
            html.Add($"<text x=\"{AxisWidth - 6}\" y=\"{Y(value) + 4:0.#}\" text-anchor=\"end\" class=\"dim\">{format(value)}</text>");
        }

        for (var layer = 0; layer < layers; layer += Math.Max(1, (layers + 15) / 16))
            html.Add($"<text x=\"{X(layer):0.#}\" y=\"{PlotHeight + 26}\" text-anchor=\"middle\" class=\"dim\">{layer}</text>");
        foreach (var (i, (name, values)) in series.Index())
        {
            html.Add($"<path class=\"s{i % ReportStyle.Colours} dash{i / ReportStyle.Colours % 3}\" d=\"");
            var isAfter = false;
            for (var layer = 0; layer < values.Length; layer++)
            {
                if (values[layer] is { } value)
                    html.Raw(isAfter ? "L" : "M").Add($"{X(layer):0.#} {Y(value):0.##}");
                isAfter = values[layer] is not null;
            }

            var (x, y) = (AxisWidth + ((i % 3) * 230), legend + ((i / 3) * 18));
            html.Add($"\"/><path class=\"s{i % ReportStyle.Colours} dash{i / ReportStyle.Colours % 3}\" d=\"M{x} {y - 4}h22\"/>");
            html.Add($"<text x=\"{x + 28}\" y=\"{y}\">{Shortened(name)}</text>");
        }

        html.Add($"</svg><figcaption>{title}</figcaption></figure>\n");

        double X(int layer) => AxisWidth + 8 + ((Width - AxisWidth - 24.0) * layer / (layers - 1));
        double Y(double value) => 10 + (PlotHeight * (high - value) / (high - low));
    }

    /// <summary>A point for each row, with its interval where there is one.</summary>
    /// <param name="html">The page.</param>
    /// <param name="title">What it shows.</param>
    /// <param name="rows">Name, value, interval, and which colour.</param>
    /// <param name="format">How numbers are written.</param>
    public static void Dots(
        HtmlText html,
        string title,
        IReadOnlyList<(string Name, double Value, (double Low, double High)? Within, int Colour)> rows,
        Func<double, string> format)
    {
        var finite = rows.SelectMany(row => new[] { row.Value, row.Within?.Low ?? row.Value, row.Within?.High ?? row.Value })
            .Where(double.IsFinite).ToList();
        if (finite.Count == 0)
            return;
        var (low, high) = (Math.Min(0, finite.Min()), Math.Max(finite.Max(), 1e-12));
        Begin(html, Width, (rows.Count * RowHeight) + 8, title);
        foreach (var (i, row) in rows.Index())
        {
            var y = (i * RowHeight) + (RowHeight / 2);
            html.Add($"<text x=\"0\" y=\"{y + 4}\">{Shortened(row.Name)}</text>");
            html.Add($"<path class=\"axis\" d=\"M{LabelWidth} {y}H{Width - ValueWidth}\"/>");
            if (row.Within is { } within)
                html.Add($"<path class=\"s{row.Colour % ReportStyle.Colours}\" d=\"M{X(within.Low):0.#} {y}H{X(within.High):0.#}\"/>");
            if (double.IsFinite(row.Value))
                html.Add($"<circle class=\"f{row.Colour % ReportStyle.Colours}\" cx=\"{X(row.Value):0.#}\" cy=\"{y}\" r=\"4.5\"/>");
            html.Add($"<text x=\"{Width - ValueWidth + 10}\" y=\"{y + 4}\">{format(row.Value)}");
            if (row.Within is { } shown)
                html.Add($" [{format(shown.Low)}, {format(shown.High)}]");
            html.Raw("</text>");
        }

        html.Add($"</svg><figcaption>{title}</figcaption></figure>\n");

        double X(double value) => LabelWidth + 6 + ((Width - ValueWidth - LabelWidth - 12.0) * (value - low) / (high - low));
    }

    /// <summary>A point for each trial, in a colour for each kind, and the line of the best so far.</summary>
    /// <param name="html">The page.</param>
    /// <param name="title">What it shows.</param>
    /// <param name="trials">Number, value, whether it counts fully (else its point is small), kind, and the best so far.</param>
    /// <param name="format">How numbers on the axis are written.</param>
    public static void Trace(
        HtmlText html,
        string title,
        IReadOnlyList<(int Number, double? Value, bool IsWhole, string Kind, double? Best)> trials,
        Func<double, string> format)
    {
        var known = trials.Select(trial => trial.Value).OfType<double>().Where(double.IsFinite).Order().ToList();
        if (known.Count < 2)
            return;

        // What is far worse than the rest would leave no room for it; its points lie on the lower edge.
        var floor = Math.Max(known[0], known[known.Count / 2] - (3 * (known[^1] - known[known.Count / 2])));
        var step = RoundStep(Math.Max(known[^1] - floor, 1e-9));
        var (first, last) = (Math.Floor(floor / step), Math.Ceiling(known[^1] / step));
        var (low, high, most) = (first * step, Math.Max(last * step, (first + 1) * step), trials.Max(trial => trial.Number));
        var kinds = trials.Select(trial => trial.Kind).Distinct().Order(StringComparer.Ordinal).ToList();
        var legend = PlotHeight + 46;
        Begin(html, Width, legend + ((kinds.Count / 3) * 18) + 8, title);
        for (var tick = first; tick <= last; tick++)
        {
            html.Add($"<path class=\"axis\" d=\"M{AxisWidth} {Y(tick * step):0.#}H{Width - 8}\"/>");
            html.Add($"<text x=\"{AxisWidth - 6}\" y=\"{Y(tick * step) + 4:0.#}\" text-anchor=\"end\" class=\"dim\">{format(tick * step)}</text>");
        }

        for (var tick = 1; tick <= most; tick += Math.Max(1, (most + 15) / 16))
            html.Add($"<text x=\"{X(tick):0.#}\" y=\"{PlotHeight + 26}\" text-anchor=\"middle\" class=\"dim\">{tick}</text>");
        foreach (var trial in trials.Where(trial => trial.Value is { } value && double.IsFinite(value)))
            html.Add($"<circle class=\"f{kinds.IndexOf(trial.Kind) % ReportStyle.Colours}\" cx=\"{X(trial.Number):0.#}\" cy=\"{Y(trial.Value!.Value):0.#}\" r=\"{(trial.IsWhole ? 4 : 2)}\"/>");
        var line = trials.Where(trial => trial.Best is not null).ToList();
        if (line.Count > 0)
        {
            html.Add($"<path class=\"s7\" d=\"M{X(line[0].Number):0.#} {Y(line[0].Best!.Value):0.#}");
            html.Each(line.Skip(1), trial => html.Add($"H{X(trial.Number):0.#}V{Y(trial.Best!.Value):0.#}"));
            html.Raw("\"/>");
        }

        foreach (var (i, kind) in kinds.Index())
        {
            var (x, y) = (AxisWidth + ((i % 3) * 230), legend + ((i / 3) * 18));
            html.Add($"<circle class=\"f{i % ReportStyle.Colours}\" cx=\"{x + 8}\" cy=\"{y - 4}\" r=\"4\"/>");
            html.Add($"<text x=\"{x + 20}\" y=\"{y}\">{(kind.Length == 0 ? "candidate" : Shortened(kind))}</text>");
        }

        html.Add($"</svg><figcaption>{title}. Small points: stopped early, on fewer items. Line: the best so far.</figcaption></figure>\n");

        double X(int number) => AxisWidth + 8 + ((Width - AxisWidth - 24.0) * (number - 1) / Math.Max(1, most - 1));
        double Y(double value) => 10 + (PlotHeight * (high - Math.Clamp(value, low, high)) / (high - low));
    }

    // 1, 2 or 5 times a power of ten, of which four or more cover the range.
    private static double RoundStep(double range)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(range / 4)));
        return range >= 20 * power ? 5 * power : range >= 8 * power ? 2 * power : power;
    }

    private static void Begin(HtmlText html, int width, int height, string title) => html.Add(
        $"<figure><svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{title}\">");

    private static void Box(HtmlText html, int x, int middle, string name, string below)
    {
        html.Add($"<rect class=\"box\" x=\"{x}\" y=\"{middle - (BoxHeight / 2)}\" width=\"{BoxWidth}\" height=\"{BoxHeight}\" rx=\"5\"/>");
        html.Add($"<text x=\"{x + 10}\" y=\"{middle + (below.Length > 0 ? -2 : 4)}\">{Shortened(name)}</text>");
        if (below.Length > 0)
            html.Add($"<text class=\"dim\" x=\"{x + 10}\" y=\"{middle + 12}\">{Shortened(below)}</text>");
    }

    private static void Arrow(HtmlText html, int fromX, int fromY, int toX, int toY)
    {
        var bend = (fromX + toX) / 2;
        html.Add($"<path class=\"arrow\" d=\"M{fromX} {fromY}C{bend} {fromY} {bend} {toY} {toX - 1} {toY}m-6 -4l6 4l-6 4\"/>");
    }

    // The end of a path tells more than its beginning.
    private static string Shortened(string name) => name.Length <= LongestName ? name : "…" + name[^(LongestName - 1)..];
}
