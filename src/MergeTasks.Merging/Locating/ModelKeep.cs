using MergeTasks.Language.Importance;
using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Locating;

/// <summary>One part that is sparsified by itself: which elements compete, and how many are kept.</summary>
/// <param name="Tensors">Indices of its tensors.</param>
/// <param name="Unit">The unit that it consists of in each of its tensors; <see langword="null"/>: all units.</param>
/// <param name="Keep">Elements kept: exactly, or at least.</param>
internal readonly record struct KeptPart(IReadOnlyList<int> Tensors, long? Unit, long Keep);

/// <summary>How much of one model's deltas is kept where, decided from importances alone.</summary>
internal sealed class ModelKeep
{
    private ModelKeep(double[][] ratios, double[] layers, IReadOnlyList<KeptPart> parts, bool keepsTies) =>
        (Ratios, Layers, Parts, KeepsTies) = (ratios, layers, parts, keepsTies);

    /// <summary>Keep ratios by tensor: one for all of it, or one per unit.</summary>
    public double[][] Ratios { get; }

    /// <summary>The share of elements that each layer keeps: of all, or of the changed ones.</summary>
    public double[] Layers { get; }

    /// <summary>The parts with numbers of elements.</summary>
    public IReadOnlyList<KeptPart> Parts { get; }

    /// <summary>Whether all elements equal to a part's threshold are kept, so that more may be than its number.</summary>
    public bool KeepsTies { get; }

    /// <summary>Decides.</summary>
    public static ModelKeep Of(PartImportance importance, AplDeclaration apl, double density) =>
        apl.Budget == BudgetRule.PerParameter ? PerParameter(importance, apl, density) : ByTotal(importance, apl, density);

    // Layers by their importance, then, at finer levels, the parts of each layer by theirs; every tensor has a threshold of its own.
    private static ModelKeep PerParameter(PartImportance importance, AplDeclaration apl, double density)
    {
        var partition = importance.Partition;
        var perTensor = new double[partition.Tensors.Count][];
        var parts = new List<KeptPart>();
        double[] sizes = [.. partition.Layers.Select(layer => partition.ElementsOf(layer.Tensors))];
        var layers = KeepRatios.PerParameter(importance.OfLayers(), sizes, density, apl.Tau1);
        var tensors = apl.DropLevel == PartitionLevel.Tensor ? importance.OfTensors() : [];
        for (var i = 0; i < layers.Length; i++)
        {
            var members = partition.Layers[i].Tensors;
            if (apl.DropLevel == PartitionLevel.Hidden)
            {
                AddRows(importance, partition.Layers[i], layers[i], apl, perTensor, parts);
                continue;
            }

            var ratios = apl.DropLevel == PartitionLevel.Tensor
                ? KeepRatios.PerParameter(
                    [.. members.Select(tensor => tensors[tensor])],
                    [.. members.Select(tensor => (double)partition.Tensors[tensor].Elements)],
                    layers[i],
                    apl.Tau2)
                : [.. members.Select(_ => layers[i])];
            for (var member = 0; member < members.Count; member++)
            {
                perTensor[members[member]] = [ratios[member]];
                parts.Add(new KeptPart([members[member]], null, AtLeast(ratios[member], partition.Tensors[members[member]].Elements)));
            }
        }

        return new ModelKeep(perTensor, layers, parts, keepsTies: true);
    }

    private static void AddRows(
        PartImportance importance, DeltaLayer layer, double ratio, AplDeclaration apl, double[][] perTensor, List<KeptPart> parts)
    {
        var tensors = importance.Partition.Tensors;
        double[] sizes = [
            .. layer.Rows.SelectMany(group =>
                Enumerable.Repeat((double)importance.Partition.ElementsOf(group.Tensors) / group.Count, (int)group.Count))
        ];
        var ratios = KeepRatios.PerParameter([.. layer.Rows.SelectMany(importance.OfRows)], sizes, ratio, apl.Tau2);
        var row = 0;
        foreach (var group in layer.Rows)
        {
            foreach (var tensor in group.Tensors)
                perTensor[tensor] = group.IsOne ? [ratios[row]] : ratios.AsSpan(row, (int)group.Count).ToArray();
            for (var unit = 0; unit < group.Count; unit++, row++)
                parts.Add(new KeptPart(group.Tensors, group.IsOne ? null : unit, AtLeast(ratios[row], sizes[row])));
        }
    }

    // Rounded up, but not for what bisection left over.
    private static long AtLeast(double ratio, double elements) => (long)Math.Ceiling((ratio * elements) - (1e-9 * elements));

    private static ModelKeep ByTotal(PartImportance importance, AplDeclaration apl, double density) => apl.DropLevel switch
    {
        PartitionLevel.Tensor => ByTensor(importance, apl, density),
        PartitionLevel.Hidden => ByRow(importance, apl, density),
        _ => ByLayer(importance, apl, density),
    };

    private static ModelKeep ByLayer(PartImportance importance, AplDeclaration apl, double density)
    {
        var layers = importance.Partition.Layers;
        var (ratios, keep) = LayerBudgets(importance, apl, density);
        var perTensor = new double[importance.Partition.Tensors.Count][];
        for (var i = 0; i < layers.Count; i++)
        {
            foreach (var tensor in layers[i].Tensors)
                perTensor[tensor] = [ratios[i]];
        }

        return new ModelKeep(
            perTensor, ratios, [.. layers.Select((layer, i) => new KeptPart(layer.Tensors, null, keep[i]))], keepsTies: false);
    }

    private static ModelKeep ByTensor(PartImportance importance, AplDeclaration apl, double density)
    {
        var tensors = Enumerable.Range(0, importance.Partition.Tensors.Count).ToList();
        double[] counts = [.. tensors.Select(tensor => importance.CountOf([tensor]))];
        var ratios = KeepRatios.Of(importance.OfTensors(), counts, density, apl.Tau1);
        var keep = KeepRatios.Counts(ratios, counts, Target(counts, density));
        var layers = importance.Partition.Layers.Select(layer =>
            Share(layer.Tensors.Sum(tensor => ratios[tensor] * counts[tensor]), layer.Tensors.Sum(tensor => counts[tensor]), density));
        return new ModelKeep(
            [.. ratios.Select(ratio => new[] { ratio })],
            [.. layers],
            [.. tensors.Select(tensor => new KeptPart([tensor], null, keep[tensor]))],
            keepsTies: false);
    }

    private static ModelKeep ByRow(PartImportance importance, AplDeclaration apl, double density)
    {
        var partition = importance.Partition;
        var (layerRatios, layerKeep) = LayerBudgets(importance, apl, density);
        var perTensor = new double[partition.Tensors.Count][];
        var parts = new List<KeptPart>();
        for (var i = 0; i < partition.Layers.Count; i++)
        {
            var groups = partition.Layers[i].Rows;
            double[] counts = [.. groups.SelectMany(importance.CountsOfRows)];
            var ratios = KeepRatios.Of([.. groups.SelectMany(importance.OfRows)], counts, layerRatios[i], apl.Tau2, density / 10);
            var keep = KeepRatios.Counts(ratios, counts, layerKeep[i]);
            var row = 0;
            foreach (var group in groups)
            {
                foreach (var tensor in group.Tensors)
                    perTensor[tensor] = group.IsOne ? [ratios[row]] : ratios.AsSpan(row, (int)group.Count).ToArray();
                for (var unit = 0; unit < group.Count; unit++, row++)
                    parts.Add(new KeptPart(group.Tensors, group.IsOne ? null : unit, keep[row]));
            }
        }

        return new ModelKeep(perTensor, layerRatios, parts, keepsTies: false);
    }

    private static (double[] Ratios, long[] Keep) LayerBudgets(PartImportance importance, AplDeclaration apl, double density)
    {
        double[] counts = [.. importance.Partition.Layers.Select(layer => importance.CountOf(layer.Tensors))];
        var ratios = KeepRatios.Of(importance.OfLayers(), counts, density, apl.Tau1);
        return (ratios, KeepRatios.Counts(ratios, counts, Target(counts, density)));
    }

    private static long Target(double[] counts, double density) => (long)Math.Round(density * counts.Sum(), MidpointRounding.AwayFromZero);

    private static double Share(double kept, double count, double none) => count > 0 ? kept / count : none;
}
