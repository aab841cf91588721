using System.Globalization;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Outputs;

/// <summary>
/// The resolved parameters of a merge for people: tensors with equal values together, and what varies over the layers as a table.
/// </summary>
internal static class ParameterTable
{
    private const int NamesInLine = 3;

    /// <summary>The lines; none where no parameter was resolved.</summary>
    public static IReadOnlyList<string> Of(MergePlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var merged = plan.Tensors
            .Where(tensor => tensor is { Context: not null, KeepWith: null })
            .ToDictionary(tensor => tensor.Output.Name, StringComparer.Ordinal);
        var lines = new List<string>();
        var rows = plan.Layout.Tensors
            .Where(tensor => merged.ContainsKey(tensor.Name))
            .Select(tensor => new Row(tensor, Values(plan.Method, tensor, merged[tensor.Name].Context!)))
            .ToList();
        var loose = rows.Where(row => row.Tensor.Layer is null).ToList();
        foreach (var group in loose.GroupBy(row => row.Text, StringComparer.Ordinal))
            lines.Add($"{plan.Name}: {Listed([.. group.Select(row => row.Tensor.Name)])}: {group.Key}");
        foreach (var stack in rows.Where(row => row.Tensor.Layer is not null)
            .GroupBy(row => row.Tensor.Layer!.Value.Stack, StringComparer.Ordinal))
            AddStack(
                lines,
                plan.Name,
                stack.Key,
                [.. stack],
                isAll: plan.Layout.Tensors.Count(tensor => tensor.Layer?.Stack == stack.Key && !tensor.IsCopied) == stack.Count());
        var kept = plan.Layout.Tensors
            .Where(tensor => !tensor.IsCopied && tensor.Sources.Count == 0)
            .Select(tensor => tensor.Name)
            .ToList();
        if (kept.Count > 0)
            lines.Add($"{plan.Name}: {Listed(kept)}: taken from one model as {(kept.Count == 1 ? "it is" : "they are")}");
        return lines;
    }

    // Tensors of the same name in each layer and the same values there share a table; runs of layers with equal values share a line.
    private static void AddStack(List<string> lines, string merge, string stack, List<Row> rows, bool isAll)
    {
        var columns = rows.GroupBy(row => row.Suffix, StringComparer.Ordinal)
            .Select(column => (Suffix: column.Key, Layers: column.OrderBy(row => row.Tensor.Layer!.Value.Layer).ToList()))
            .GroupBy(
                column => string.Join('\n', column.Layers.Select(row => $"{row.Tensor.Layer!.Value.Layer} {row.Text}")),
                StringComparer.Ordinal)
            .ToList();
        foreach (var group in columns)
        {
            var layers = group.First().Layers;
            var names = isAll && columns.Count == 1 ? $"{stack}*" : Listed([.. group.Select(column => $"{stack}*{column.Suffix}")]);
            var runs = Runs(layers);
            if (runs.Count == 1)
            {
                lines.Add($"{merge}: {names}: {layers[0].Text}");
                continue;
            }

            lines.Add($"{merge}: {names}:");
            var width = runs.Max(run => run.Label.Length);
            lines.AddRange(runs.Select(run => $"{merge}:   layer {run.Label.PadRight(width)}  {run.Text}"));
        }
    }

    private static List<(string Label, string Text)> Runs(List<Row> layers)
    {
        var runs = new List<(string, string)>();
        for (var start = 0; start < layers.Count;)
        {
            var end = start + 1;
            while (end < layers.Count && layers[end].Text == layers[start].Text)
                end++;
            var (first, last) = (layers[start].Tensor.Layer!.Value.Layer, layers[end - 1].Tensor.Layer!.Value.Layer);
            runs.Add((first == last ? $"{first}" : $"{first}–{last}", layers[start].Text));
            start = end;
        }

        return runs;
    }

    // "t=0.25" or "a weight=0.3 density=0.5, b weight=0.7 density=0.5, normalize=1"
    private static string Values(MergeMethod method, LayoutTensor tensor, TensorContext context)
    {
        var models = tensor.Part.Sources.Select((source, i) => (source, Input: context.Inputs[i]))
            .Where(pair => pair.Input.Parameters.Count > 0)
            .Select(pair => $"{pair.source.Declaration.Label}{Pairs(method, pair.Input.Parameters, " ")}");
        var shared = Pairs(method, context.Parameters, "");
        var text = string.Join(", ", models.Concat(shared.Length > 0 ? [shared] : []));
        return text.Length > 0 ? text : string.Join(", ", tensor.Part.Sources.Select(source => source.Declaration.Label));
    }

    // In the order in which the method declares them.
    private static string Pairs(MergeMethod method, IReadOnlyDictionary<string, double> values, string before)
    {
        var pairs = method.Parameters
            .Where(parameter => values.ContainsKey(parameter.Name))
            .Select(parameter => $"{parameter.Name}={Value(parameter, values[parameter.Name])}")
            .ToList();
        return pairs.Count == 0 ? "" : before + string.Join(' ', pairs);
    }

    private static string Value(ParameterDeclaration parameter, double value) =>
        parameter.IsFlag ? value != 0 ? "true" : "false" : value.ToString("0.####", CultureInfo.InvariantCulture);

    private static string Listed(List<string> names) =>
        string.Join(", ", names.Take(NamesInLine)) + (names.Count > NamesInLine ? $" and {names.Count - NamesInLine} more" : "");

    private sealed record Row(LayoutTensor Tensor, string Text)
    {
        public string Suffix => Tensor.Name[Tensor.Name.IndexOf('.', Tensor.Layer!.Value.Stack.Length)..];
    }
}
