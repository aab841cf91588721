using System.Globalization;
using System.Text;

namespace MergeTasks.Bench.Study;

/// <summary>Curves of recovery over forgetting.</summary>
internal static class StudyChart
{
    private const int Left = 60, Top = 50, PanelWidth = 420, PanelHeight = 360, Gap = 70, Legend = 16;

    private static readonly string[] Colours =
        [
            "#000000",
            "#d55e00",
            "#0072b2",
            "#56b4e9",
            "#999999",
            "#cc79a7",
            "#e69f00",
            "#009e73",
            "#8c564b",
            "#7f7f00",
            "#17becf",
            "#aa00aa",
            "#666666",
            "#bb5566",
            "#004488",
            "#ddaa33"
        ];

    public static string Of(IReadOnlyList<Curve> curves)
    {
        List<(string Title, List<Curve> Curves, Func<Curve, string> Name)> panels =
        [
            ("task_arithmetic and what goes around it",
                [.. curves.Where(curve => curve.Method == "task_arithmetic")],
                curve => curve.Variant),
            ("every method, plain", [.. curves.Where(curve => curve.Variant == Variant.Plain.Name)], curve => curve.Method),
        ];
        var legend = panels.Max(panel => panel.Curves.Count) * Legend;
        var (width, height) = (Left + (2 * PanelWidth) + Gap + 20, Top + PanelHeight + 50 + legend);
        var svg = new StringBuilder();
        svg.Append(
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" "
                + $"font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n");
        var far = Math.Min(4, curves.SelectMany(curve => curve.Points).Max(point => point.Divergence));
        var low = Math.Min(
            0,
            Math.Floor(
                panels.SelectMany(panel => panel.Curves)
                    .SelectMany(curve => curve.Points)
                    .Where(point => point.Divergence <= far)
                    .Min(point => point.Odd.Value) * 5) / 5);
        for (var i = 0; i < panels.Count; i++)
            Panel(svg, Left + (i * (PanelWidth + Gap)), panels[i], Math.Max(low, -0.4), far);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Panel(
        StringBuilder svg, int left, (string Title, List<Curve> Curves, Func<Curve, string> Name) panel, double low, double far)
    {
        svg.Append($"<text x=\"{left}\" y=\"20\" font-weight=\"bold\">{panel.Title}</text>\n");
        for (var tick = low; tick <= 1.0001; tick += 0.2)
            svg.Append(
                Number(
                    $"<line x1=\"{left}\" x2=\"{left + PanelWidth}\" y1=\"{Y(tick):0.0}\" y2=\"{Y(tick):0.0}\" stroke=\"#dddddd\"/><text x=\"{left - 8}\" y=\"{Y(tick) + 4:0.0}\" text-anchor=\"end\">{tick:0.0}</text>\n"));
        for (var tick = 0.0; tick <= far + 1e-9; tick += far > 2 ? 0.5 : 0.2)
            svg.Append(
                Number(
                    $"<line x1=\"{X(tick):0.0}\" x2=\"{X(tick):0.0}\" y1=\"{Top}\" y2=\"{Top + PanelHeight}\" stroke=\"#eeeeee\"/><text x=\"{X(tick):0.0}\" y=\"{Top + PanelHeight + 16}\" text-anchor=\"middle\">{tick:0.0}</text>\n"));
        svg.Append(
            $"<text x=\"{left - 40}\" y=\"{Top - 10}\">recovery</text><text x=\"{left + PanelWidth}\" y=\"{Top + PanelHeight + 32}\" "
                + "text-anchor=\"end\">forgetting: KL from the base on general text</text>\n");
        for (var i = 0; i < panel.Curves.Count; i++)
        {
            var (curve, colour) = (panel.Curves[i], Colours[i % Colours.Length]);
            var points = curve.Points.Where(point => point.Divergence <= far && point.Odd.Value >= low).ToList();
            svg.Append(
                $"<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{(i >= 8 ? " stroke-dasharray=\"5 3\"" : "")} "
                    + $"points=\"{string.Join(' ', points.Select(point => Number($"{X(point.Divergence):0.0},{Y(point.Odd.Value):0.0}")))}\"/>\n");
            foreach (var point in points)
                svg.Append(Number($"<circle cx=\"{X(point.Divergence):0.0}\" cy=\"{Y(point.Odd.Value):0.0}\" r=\"3\" fill=\"{colour}\"/>"));
            var y = Top + PanelHeight + 46 + (i * Legend);
            svg.Append(
                $"\n<line x1=\"{left}\" x2=\"{left + 24}\" y1=\"{y - 4}\" y2=\"{y - 4}\" stroke=\"{colour}\" stroke-width=\"2\"{(i >= 8 ? " stroke-dasharray=\"5 3\"" : "")}/><text x=\"{left + 30}\" y=\"{y}\">{panel.Name(curve)}</text>\n");
        }

        double X(double value) => left + (value / far * PanelWidth);
        double Y(double value) => Top + ((1 - value) / (1 - low) * PanelHeight);
    }

    private static string Number(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
