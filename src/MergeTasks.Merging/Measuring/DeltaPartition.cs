using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// A tensor of deltas, divided into units: an element of a vector; an output row of a matrix, which is a column where the matrix is
/// stored [in, out]; of a stack of experts' matrices those of one after those of the other, and of a stack of their biases each element;
/// of more dimensions otherwise, a vector along the last.
/// </summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="UnitsAreColumns">Whether it is stored [in, out], or as a stack of such matrices.</param>
internal sealed record DeltaTensor(string Name, IReadOnlyList<long> Shape, bool UnitsAreColumns)
{
    /// <summary>Whether every element is a unit: the tensor is a vector, or a stack of vectors of biases.</summary>
    public bool UnitsAreElements { get; init; } = Shape.Count < 2;

    /// <summary>Number of elements.</summary>
    public long Elements { get; } = Shape.ElementCount();

    /// <summary>Elements from one row to the next; 1 where every element is a unit.</summary>
    public long Columns => UnitsAreElements ? 1 : Shape[^1];

    /// <summary>Elements of a matrix whose columns are units.</summary>
    public long Matrix { get; } = Shape.Count < 2 ? Shape.ElementCount() : Shape[^1] * Shape[^2];

    /// <summary>Number of units.</summary>
    public long Units => Elements == 0 ? 0 : UnitsAreColumns ? Elements / Matrix * Columns : Elements / Columns;

    /// <summary>The unit of an element.</summary>
    public long UnitOf(long element) => UnitsAreColumns ? (element / Matrix * Columns) + (element % Columns) : element / Columns;
}

/// <summary>Tensors whose parameters belong to one part at the level of layers.</summary>
/// <param name="Name"><c>embeddings</c>, <c>layer.0</c>, …, or <c>rest</c>.</param>
/// <param name="Tensors">Indices of its tensors.</param>
/// <param name="Rows">Its rows.</param>
internal sealed record DeltaLayer(string Name, IReadOnlyList<int> Tensors, IReadOnlyList<RowGroup> Rows);

/// <summary>The rows of one matrix, each with its bias element; or a norm with its bias, which is one row.</summary>
/// <param name="Tensors">Indices of the matrix and, where there is one, its bias.</param>
/// <param name="IsOne">Whether all units together are one row.</param>
/// <param name="Count">Number of rows.</param>
internal sealed record RowGroup(IReadOnlyList<int> Tensors, bool IsOne, long Count);

/// <summary>How the deltas of one fine-tuned model divide into parts at every level.</summary>
internal sealed class DeltaPartition
{
    private DeltaPartition(IReadOnlyList<DeltaTensor> tensors, IReadOnlyList<DeltaLayer> layers) => (Tensors, Layers) = (tensors, layers);

    /// <summary>The tensors in ordinal order of name.</summary>
    public IReadOnlyList<DeltaTensor> Tensors { get; }

    /// <summary>The layers: embeddings first, then the blocks in order, then the rest.</summary>
    public IReadOnlyList<DeltaLayer> Layers { get; }

    /// <summary>Elements of some tensors.</summary>
    public long ElementsOf(IEnumerable<int> tensors) => tensors.Sum(tensor => Tensors[tensor].Elements);

    /// <summary>Divides a model's parameters.</summary>
    /// <param name="description">The model.</param>
    /// <param name="tensors">Those of its tensors that have deltas, in ordinal order.</param>
    internal static DeltaPartition Of(ModelDescription description, IEnumerable<(string Name, IReadOnlyList<long> Shape)> tensors)
    {
        var byInput = description.Modules
            .Where(module => module.StoredByInput)
            .Select(module => module.Weight)
            .ToHashSet(StringComparer.Ordinal);
        var biases = description.Modules.Where(module => module.Place is not null).Select(module => BiasOf(module.Weight))
            .ToHashSet(StringComparer.Ordinal);
        List<DeltaTensor> all = [
            .. tensors.Select(tensor =>
                biases.Contains(tensor.Name)
                    ? new DeltaTensor(tensor.Name, tensor.Shape, false) { UnitsAreElements = true }
                    : new DeltaTensor(tensor.Name, tensor.Shape, byInput.Contains(tensor.Name) && tensor.Shape.Count >= 2))
        ];
        var groups = all
            .Select((tensor, index) => (Place: PlaceOf(tensor.Name, description), Index: index))
            .GroupBy(pair => pair.Place, pair => pair.Index)
            .OrderBy(group => group.Key);
        return new DeltaPartition(
            all, [.. groups.Select(group => new DeltaLayer(LayerName(group.Key), [.. group], Rows(all, [.. group])))]);
    }

    // -1: embeddings; int.MaxValue: neither embedding nor block.
    private static int PlaceOf(string name, ModelDescription description) =>
        description.Tables.Contains(name) ? -1
            : LayerPosition.LayerOf(name) is { } layer && layer < description.Layers ? layer
            : int.MaxValue;

    private static string LayerName(int place) => place switch
    {
        -1 => "embeddings",
        int.MaxValue => "rest",
        _ => $"layer.{place}",
    };

    private static List<RowGroup> Rows(List<DeltaTensor> all, List<int> members)
    {
        var rows = new List<RowGroup>();
        var biases = new HashSet<int>();
        foreach (var index in members.Where(index => !all[index].UnitsAreElements))
        {
            var bias = members.FindIndex(other =>
                all[other].UnitsAreElements && all[other].Units == all[index].Units && all[other].Name == BiasOf(all[index].Name));
            if (bias >= 0)
                biases.Add(members[bias]);
            rows.Add(new RowGroup(bias >= 0 ? [index, members[bias]] : [index], false, all[index].Units));
        }

        // What is left are vectors: a norm's weight with its bias, or one without a partner.
        foreach (var index in members.Where(index => all[index].UnitsAreElements && !biases.Contains(index)))
        {
            var bias = members.FindIndex(other =>
                other != index && all[other].UnitsAreElements && !biases.Contains(other) && all[other].Name == BiasOf(all[index].Name));
            if (bias >= 0)
                biases.Add(members[bias]);
            rows.Add(new RowGroup(bias >= 0 ? [index, members[bias]] : [index], true, 1));
        }

        return [
            .. rows.Where(row => !(row.IsOne && row.Tensors.Count == 1 && biases.Contains(row.Tensors[0]))).OrderBy(row => row.Tensors[0])
        ];
    }

    private static string BiasOf(string weight) =>
        weight.EndsWith(".weight", StringComparison.Ordinal) ? weight[..^"weight".Length] + "bias"
        : weight.EndsWith(".gamma", StringComparison.Ordinal) ? weight[..^"gamma".Length] + "beta"
        : weight + "_bias";
}
