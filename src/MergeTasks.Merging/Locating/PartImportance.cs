using MergeTasks.Language.Importance;
using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Locating;

/// <summary>
/// The importance of every part of one model's deltas, at every level that was scored, and how many elements each part changed.
/// </summary>
/// <param name="partition">The parts.</param>
/// <param name="counts">Changed elements of each unit, by tensor.</param>
/// <param name="products">Signed inner products of each unit, by tensor; <see langword="null"/> where only exact scores are used.</param>
/// <param name="exact">Exact effects by level; those there are outrank the products.</param>
internal sealed class PartImportance(
    DeltaPartition partition,
    Dictionary<string, double[]> counts,
    Dictionary<string, double[]>? products,
    IReadOnlyDictionary<PartitionLevel, Dictionary<string, double[]>> exact)
{
    public DeltaPartition Partition => partition;

    /// <summary>Changed elements of the units of a tensor.</summary>
    public double[] UnitCounts(int tensor) => counts[partition.Tensors[tensor].Name];

    /// <summary>Changed elements of some tensors.</summary>
    public double CountOf(IEnumerable<int> tensors) => tensors.Sum(tensor => UnitCounts(tensor).Sum());

    /// <summary>Changed elements of all.</summary>
    public double Total => CountOf(Enumerable.Range(0, partition.Tensors.Count));

    /// <summary>Whether the model as a whole was scored.</summary>
    public bool HasModel => products is not null || exact.ContainsKey(PartitionLevel.Model);

    /// <summary>Importance of the model.</summary>
    public double OfModel() =>
        Math.Abs(
            exact.TryGetValue(PartitionLevel.Model, out var effect)
                ? effect[Interventions.Parts][0]
                : Enumerable.Range(0, partition.Tensors.Count).Sum(Product));

    /// <summary>Importance of each layer.</summary>
    public double[] OfLayers() =>
        exact.TryGetValue(PartitionLevel.Layer, out var effects) ? Magnitudes(effects[Interventions.Parts]) : LayerProducts();

    /// <summary>Importance of each tensor.</summary>
    public double[] OfTensors() =>
        exact.TryGetValue(PartitionLevel.Tensor, out var effects) ? Magnitudes(effects[Interventions.Parts]) : TensorProducts();

    /// <summary>The approximated importance of each layer.</summary>
    public double[] LayerProducts() => [.. partition.Layers.Select(layer => Math.Abs(layer.Tensors.Sum(Product)))];

    /// <summary>The approximated importance of each tensor.</summary>
    public double[] TensorProducts() => [.. Enumerable.Range(0, partition.Tensors.Count).Select(tensor => Math.Abs(Product(tensor)))];

    /// <summary>Importance of each row of a group.</summary>
    public double[] OfRows(RowGroup group) =>
        exact.TryGetValue(PartitionLevel.Hidden, out var effects)
            ? Magnitudes(effects[partition.Tensors[group.Tensors[0]].Name])
            : Magnitudes(PerRow(group, products!));

    /// <summary>Changed elements of each row of a group.</summary>
    public double[] CountsOfRows(RowGroup group) => PerRow(group, counts);

    private double[] PerRow(RowGroup group, Dictionary<string, double[]> numbers)
    {
        var rows = new double[group.Count];
        foreach (var values in group.Tensors.Select(tensor => numbers[partition.Tensors[tensor].Name]))
        {
            for (var unit = 0; unit < values.Length; unit++)
                rows[group.IsOne ? 0 : unit] += values[unit];
        }

        return rows;
    }

    private double Product(int tensor) => products![partition.Tensors[tensor].Name].Sum();

    private static double[] Magnitudes(double[] values) => [.. values.Select(Math.Abs)];
}
