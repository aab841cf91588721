using System.Text;

namespace MergeTasks.Bench.Study;

/// <summary>The study's two criteria as dots with intervals, a band for each method.</summary>
internal static class StudyChart
{
    private const int LabelWidth = 130, PanelWidth = 350, Gap = 30, Top = 64, BandHeight = 66, LineHeight = 13, Bottom = 34;

    private static readonly int[] RoundFactors = [1, 2, 5, 10];

    private static readonly Dictionary<Variant, string> Colours = new()
    {
        [Variant.None] = "#555555",
        [Variant.Aim] = "#0072b2",
        [Variant.Apl] = "#d55e00",
        [Variant.Both] = "#009e73",
    };

    public static string Of(IReadOnlyList<StudyRow> rows)
    {
        var merges = rows.Skip(Study.Originals.Count).ToList();
        var methods = merges.Select(row => row.Candidate.Method).Distinct().ToList();
        var (width, height) = (LabelWidth + (2 * PanelWidth) + Gap + 20, Top + (BandHeight * methods.Count) + Bottom);
        var svg = new StringBuilder();
        svg.Append($"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n");
        svg.Append($"<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n");
        var x = LabelWidth;
        foreach (var (variant, colour) in Colours)
        {
            svg.Append($"<circle cx=\"{x}\" cy=\"16\" r=\"4\" fill=\"{colour}\"/>{Text(x + 8, 20, StudyText.Label(variant))}\n");
            x += 80;
        }

        for (var i = 0; i < methods.Count; i++)
        {
            if (i % 2 == 0)
                svg.Append($"<rect x=\"0\" y=\"{Top + (i * BandHeight)}\" width=\"{width}\" height=\"{BandHeight}\" fill=\"#f4f4f4\"/>\n");
            svg.Append(Text(10, Top + (i * BandHeight) + (BandHeight / 2) + 4, methods[i])).Append('\n');
        }

        Panel(svg, LabelWidth, "in domain: nll / best fine-tune's (less is better)", merges, methods, row => row.InDomain);
        Panel(svg, LabelWidth + PanelWidth + Gap, "forgetting: nll above the base's (less is better)", merges, methods, row => row.Forgetting);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Panel(StringBuilder svg, int left, string title, List<StudyRow> rows, List<string> methods, Func<StudyRow, Estimate> figure)
    {
        var (low, high) = (rows.Min(row => figure(row).Low), rows.Max(row => figure(row).High));
        var step = Step((high - low) / 5);
        (low, high) = (Math.Floor(low / step) * step, Math.Ceiling(high / step) * step);
        var bottom = Top + (BandHeight * methods.Count);
        svg.Append($"<text x=\"{left}\" y=\"{Top - 14}\" font-weight=\"bold\">{title}</text>\n");
        for (var tick = 0; low + (tick * step) <= high + (step / 2); tick++)
        {
            var x = X(low + (tick * step));
            svg.Append($"<line x1=\"{x:0.0}\" x2=\"{x:0.0}\" y1=\"{Top}\" y2=\"{bottom}\" stroke=\"#cccccc\"/>");
            svg.Append($"<text x=\"{x:0.0}\" y=\"{bottom + 18}\" text-anchor=\"middle\">{low + (tick * step):0.##}</text>\n");
        }

        foreach (var row in rows)
        {
            var y = Top + (methods.IndexOf(row.Candidate.Method) * BandHeight) + 14 + (LineHeight * Study.Variants.ToList().IndexOf(row.Candidate.Variant));
            var (value, colour) = (figure(row), Colours[row.Candidate.Variant]);
            svg.Append($"<line x1=\"{X(value.Low):0.0}\" x2=\"{X(value.High):0.0}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"/>");
            svg.Append($"<circle cx=\"{X(value.Value):0.0}\" cy=\"{y}\" r=\"4\" fill=\"{colour}\"/>\n");
        }

        double X(double value) => left + ((value - low) / (high - low) * PanelWidth);
    }

    // The round number next above: 1, 2 or 5 times a power of ten.
    private static double Step(double least)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return RoundFactors.Select(factor => factor * power).First(step => step >= least);
    }

    private static string Text(int x, int y, string text) => $"<text x=\"{x}\" y=\"{y}\">{text}</text>";
}
