using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>
/// Finds which parameters of a module the factors in an adapter change where it names parameters (<c>target_parameters</c>): stacks of
/// experts, stored as one tensor or expert by expert, and matrices that are no module's weight. The file tells the order in which the
/// parameters were wrapped and not their names, so the outermost is the last that the module has.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="adapter">The adapter.</param>
/// <param name="own">Finds the name that the model has for a tensor.</param>
/// <param name="unfit">The error for an adapter that does not fit.</param>
internal sealed class TargetedParameters(
    ModelInput model, LoraAdapter adapter, Func<string, string?> own, Func<string, CheckpointException> unfit)
{
    // Parameters of experts in the order in which classes declare them.
    private static readonly string[] Declared = ["gate_up_proj", "gate_proj", "w1", "up_proj", "w3", "v1", "down_proj", "w2"];

    // What experts that are stored one by one have in the place of a stack's parameter, in the order of its outputs.
    private static readonly (string Stacked, string[][] Single)[] Parts =
        [("gate_up_proj", [["gate_proj", "up_proj"], ["w1", "w3"]]), ("down_proj", [["down_proj"], ["w2"]])];

    // Families whose experts are stored [experts, in, out].
    private static readonly string[] TransposedExperts = ["gpt_oss"];

    /// <summary>The changes of a module's parameters, by the model's own names.</summary>
    /// <param name="module">The module.</param>
    /// <param name="changes">Its changes, from the outermost.</param>
    /// <exception cref="CheckpointException">They fit none of its parameters, or it is not certain which.</exception>
    public IReadOnlyDictionary<string, TensorChange> Assign(string module, IReadOnlyList<LoraModule> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        var named = adapter.Config.TargetParameters.Select(target => LoraAdapter.TargetOf(module, target)).OfType<string>().Distinct()
            .OrderBy(name => Math.Max(0, Array.IndexOf(Declared, name.Split('_') is [.., "bias"] ? name[..^5] : name)))
            .ThenBy(name => name.Length)
            .Reverse()
            .ToList();
        var found = named.Where(name => own($"{module}.{name}") is not null || Singles(module, name).Any()).ToList();
        if (found.Count != changes.Count)
            throw unfit(
                $"has {changes.Count} changes of parameters of '{module}', of which the model '{model.Folder}' "
                    + $"has {found.Count} of the {named.Count} that 'target_parameters' names");
        var order = found.Zip(changes).All(pair => Fit(module, pair.First, pair.Second) is not null)
            ? found
            : Orders(found).Where(order => order.Zip(changes).All(pair => Fit(module, pair.First, pair.Second) is not null))
                .Take(2)
                .ToList() is [var only] ? only
            : throw unfit(
                $"has factors of {string.Join(" and ", changes.Select(change => $"{change.A.ShapeText} and {change.B.ShapeText}"))} for "
                    + $"parameters of '{module}' ({string.Join(", ", found)}), which do not fit those of the model '{model.Folder}'. "
                    + "An adapter fits the model that it was trained on");
        return order.Zip(changes)
            .SelectMany(pair => Fit(module, pair.First, pair.Second)!)
            .ToDictionary(pair => pair.Tensor, pair => pair.Change, StringComparer.Ordinal);
    }

    private List<(string Tensor, TensorChange Change)>? Fit(string module, string parameter, LoraModule change)
    {
        var name = $"{module}.{parameter}";
        var rank = adapter.Config.RankOf(name);
        if (rank != Math.Floor(rank) || change.Rank % (long)rank != 0)
            return null;
        var (blocks, scale) = (checked((int)(change.Rank / (long)rank)), adapter.Config.ScaleOf(name, (long)rank));
        if (own(name) is not { } stored)
            return Single(module, parameter, change, blocks, scale);
        if (!model.Find(stored)!.DType.IsFloatingPoint())
            return null;
        return model.Find(stored)!.Shape switch
        {
            [var rows, var columns] when blocks == 1 && rows == change.Out && columns == change.In =>
                [(stored, new FactorsChange(change, false, scale))],
            [var experts, var rows, var columns] when blocks == experts && IsTransposed(rows, columns, change) is { } isTransposed =>
                [(stored, new FactorsChange(change, isTransposed, scale) { Blocks = blocks, Taken = (0, blocks) })],
            _ => null,
        };
    }

    private bool? IsTransposed(long rows, long columns, LoraModule change)
    {
        var (fits, fitsTransposed) = (rows == change.Out && columns == change.In, rows == change.In && columns == change.Out);
        return fits && fitsTransposed
            ? TransposedExperts.Contains(model.Config.ModelType) || !adapter.Config.SwapsExperts
            : fits ? false : fitsTransposed ? true : null;
    }

    private List<(string Tensor, TensorChange Change)>? Single(
        string module, string parameter, LoraModule change, int blocks, double scale)
    {
        var experts = Singles(module, parameter).ToList();
        if (experts.Count != blocks)
            return null;
        var result = new List<(string, TensorChange)>();
        for (var expert = 0; expert < blocks; expert++)
        {
            var first = 0L;
            foreach (var tensor in experts[expert])
            {
                if (model.Find(tensor)!.Shape is not [var rows, var columns]
                    || columns != change.In
                    || first + rows > change.Out
                    || !model.Find(tensor)!.DType.IsFloatingPoint())
                    return null;
                result.Add(
                    (tensor, new FactorsChange(change, false, scale) { Blocks = blocks, Taken = (expert, 1), Outputs = (first, rows) }));
                first += rows;
            }

            if (first != change.Out)
                return null;
        }

        return result;
    }

    // The tensors of each expert in the place of a stack's parameter.
    private IEnumerable<IReadOnlyList<string>> Singles(string module, string parameter)
    {
        foreach (var parts in Array.Find(Parts, part => part.Stacked == parameter).Single ?? [])
        {
            for (var expert = 0; parts.Select(part => own($"{module}.{expert}.{part}.weight")).ToList() is var names
                && names.TrueForAll(name => name is not null); expert++)
                yield return names!;
        }
    }

    private static IEnumerable<List<string>> Orders(List<string> names) => names.Count <= 1
        ? [names]
        : names.SelectMany(first => Orders([.. names.Where(name => name != first)]).Select(rest => (List<string>)[first, .. rest]));
}
