using MergeTasks.Language.Importance;
using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Execution.Importance;

/// <summary>One part that is sparsified by itself: which elements compete, and how many are kept.</summary>
/// <param name="Tensors">Indices of its tensors.</param>
/// <param name="Unit">The unit that it consists of in each of its tensors; <see langword="null"/>: all units.</param>
/// <param name="Keep">Elements kept, exactly.</param>
/// <param name="Changed">Elements that differ from the base.</param>
internal readonly record struct KeptPart(IReadOnlyList<int> Tensors, long? Unit, long Keep, double Changed);

/// <summary>How much of one model's deltas is kept where, decided from importances alone.</summary>
internal sealed class ModelKeep
{
    private ModelKeep(double[][] ratios, double[] layers, IReadOnlyList<KeptPart> parts) => (Ratios, Layers, Parts) = (ratios, layers, parts);

    /// <summary>Keep ratios by tensor: one for all of it, or one per unit.</summary>
    public double[][] Ratios { get; }

    /// <summary>The share of changed elements that each layer keeps.</summary>
    public double[] Layers { get; }

    /// <summary>The parts with exact numbers of elements.</summary>
    public IReadOnlyList<KeptPart> Parts { get; }

    /// <summary>Decides.</summary>
    public static ModelKeep Of(PartImportance importance, AplDeclaration apl, double density) => apl.DropLevel switch
    {
        PartitionLevel.Tensor => ByTensor(importance, apl, density),
        PartitionLevel.Hidden => ByRow(importance, apl, density),
        _ => ByLayer(importance, apl, density),
    };

    private static ModelKeep ByLayer(PartImportance importance, AplDeclaration apl, double density)
    {
        var layers = importance.Partition.Layers;
        var (ratios, keep, counts) = LayerBudgets(importance, apl, density);
        var perTensor = new double[importance.Partition.Tensors.Count][];
        for (var i = 0; i < layers.Count; i++)
        {
            foreach (var tensor in layers[i].Tensors)
                perTensor[tensor] = [ratios[i]];
        }

        return new ModelKeep(perTensor, ratios, [.. layers.Select((layer, i) => new KeptPart(layer.Tensors, null, keep[i], counts[i]))]);
    }

    private static ModelKeep ByTensor(PartImportance importance, AplDeclaration apl, double density)
    {
        var tensors = Enumerable.Range(0, importance.Partition.Tensors.Count).ToList();
        double[] counts = [.. tensors.Select(tensor => importance.CountOf([tensor]))];
        var ratios = KeepRatios.Of(importance.OfTensors(), counts, density, apl.Tau1);
        var keep = KeepRatios.Counts(ratios, counts, Target(counts, density));
        var layers = importance.Partition.Layers.Select(layer =>
            Share(layer.Tensors.Sum(tensor => ratios[tensor] * counts[tensor]), layer.Tensors.Sum(tensor => counts[tensor]), density));
        return new ModelKeep([.. ratios.Select(ratio => new[] { ratio })], [.. layers], [.. tensors.Select(tensor => new KeptPart([tensor], null, keep[tensor], counts[tensor]))]);
    }

    private static ModelKeep ByRow(PartImportance importance, AplDeclaration apl, double density)
    {
        var partition = importance.Partition;
        var (layerRatios, layerKeep, _) = LayerBudgets(importance, apl, density);
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
                    parts.Add(new KeptPart(group.Tensors, group.IsOne ? null : unit, keep[row], counts[row]));
            }
        }

        return new ModelKeep(perTensor, layerRatios, parts);
    }

    private static (double[] Ratios, long[] Keep, double[] Counts) LayerBudgets(PartImportance importance, AplDeclaration apl, double density)
    {
        double[] counts = [.. importance.Partition.Layers.Select(layer => importance.CountOf(layer.Tensors))];
        var ratios = KeepRatios.Of(importance.OfLayers(), counts, density, apl.Tau1);
        return (ratios, KeepRatios.Counts(ratios, counts, Target(counts, density)), counts);
    }

    private static long Target(double[] counts, double density) => (long)Math.Round(density * counts.Sum(), MidpointRounding.AwayFromZero);

    private static double Share(double kept, double count, double none) => count > 0 ? kept / count : none;
}
