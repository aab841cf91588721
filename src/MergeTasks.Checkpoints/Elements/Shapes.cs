namespace MergeTasks.Checkpoints.Elements;

/// <summary>What shapes of tensors say: dimensions, the slowest first; none is a scalar.</summary>
internal static class Shapes
{
    /// <summary>Number of elements.</summary>
    /// <exception cref="OverflowException">More than there can be.</exception>
    public static long ElementCount(this IEnumerable<long> shape) =>
        shape.Aggregate(1L, (product, dimension) => checked(product * dimension));

    /// <summary>Elements from one index of the first dimension to the next.</summary>
    public static long RowLength(this IEnumerable<long> shape) => shape.Skip(1).ElementCount();
}
