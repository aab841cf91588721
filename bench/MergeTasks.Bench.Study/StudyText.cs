using System.Globalization;
using System.Text;

namespace MergeTasks.Bench.Study;

/// <summary>The study's tables as Markdown; what is said of them stands in a file of its own, which this does not write.</summary>
internal static class StudyText
{
    public static string Of(StudyOptions options, IReadOnlyList<Curve> curves)
    {
        var text = new StringBuilder();
        text.Append($"""
            Written by `dotnet run -c Release --project bench/MergeTasks.Bench.Study{(options.Command.Length > 0 ? $" -- {options.Command}" : "")}`: {curves.Count} merges of
            {string.Join(", ", options.Tasks)} on {options.Base}, each with {options.Factors.Count} factors of the merged change ({string.Join(", ", options.Factors.Select(factor => factor.ToString(CultureInfo.InvariantCulture)))}).

            ![Recovery over forgetting](study.svg)

            Each row is a curve at the factor that is best on the even items; its figures are of the odd ones. *Recovery*: share of each fine-tune's
            gain in log-probability over the base that the merge keeps, mean of the tasks. *Difference*: to the method alone, itself at its best
            factor, paired by items, with its 95 % interval (bootstrap, {Estimate.Resamples} resamples); **bold** where that excludes 0. *Exact*: items answered exactly.
            *KL*: from the base, on {options.Texts} general texts.

            | method | | factor | recovery | difference | exact | KL |
            |---|---|---|---|---|---|---|

            """.ReplaceLineEndings("\n"));
        foreach (var curve in curves)
        {
            var plain = curves.First(other => other.Method == curve.Method && other.Variant == Variant.Plain.Name);
            var best = curve.Best;
            text.Append(string.Create(CultureInfo.InvariantCulture,
                $"| {curve.Method} | {curve.Variant} | {best.Factor:0.##} | {best.Odd.Value:0.000} | {Difference(curve, plain)} | {best.Exact:0.00} | {best.Divergence:0.00} |\n"));
        }

        text.Append("\nEvery point, as recovery on the odd items / KL:\n\n");
        text.Append("| method | |").Append(string.Concat(options.Factors.Select(factor => string.Create(CultureInfo.InvariantCulture, $" {factor:0.##} |")))).Append('\n');
        text.Append("|---|---|").Append(string.Concat(options.Factors.Select(_ => "---|"))).Append('\n');
        foreach (var curve in curves)
        {
            text.Append($"| {curve.Method} | {curve.Variant} |")
                .Append(string.Concat(curve.Points.Select(point => string.Create(CultureInfo.InvariantCulture, $" {point.Odd.Value:0.000} / {point.Divergence:0.00} |")))).Append('\n');
        }

        return text.ToString();
    }

    private static string Difference(Curve curve, Curve plain)
    {
        if (curve == plain)
            return "";
        var difference = curve.Best.Odd - plain.Best.Odd;
        var cell = string.Create(CultureInfo.InvariantCulture, $"{difference.Value:+0.000;-0.000} [{difference.Low:+0.000;-0.000}, {difference.High:+0.000;-0.000}]");
        return difference.Low > 0 || difference.High < 0 ? $"**{cell}**" : cell;
    }
}
