using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Methods.Kernels;

/// <summary>Which elements of a tensor form one vector.</summary>
internal enum VectorAxis
{
    /// <summary>All of them.</summary>
    Tensor,

    /// <summary>Those along the last dimension: a matrix's rows.</summary>
    Last,

    /// <summary>Those along the first dimension: a matrix's columns.</summary>
    First,

    /// <summary>Those along the last dimension but one: a matrix's columns, and those of each matrix of a stack.</summary>
    Columns,
}

/// <summary>
/// A tensor seen as [outer, length, inner]: vectors of <paramref name="Length"/> elements, <paramref name="Inner"/> elements apart.
/// </summary>
/// <param name="Length">Elements of a vector.</param>
/// <param name="Inner">Vectors that lie interleaved; 1: a vector's elements are neighbours.</param>
/// <param name="Count">Number of vectors.</param>
internal readonly record struct VectorLayout(long Length, long Inner, long Count)
{
    /// <summary>The layout of a shape. A tensor of one dimension or none is one vector.</summary>
    public static VectorLayout Of(IReadOnlyList<long> shape, VectorAxis axis)
    {
        var elements = shape.ElementCount();
        var (length, inner) = shape.Count < 2 ? (elements, 1) : axis switch
        {
            VectorAxis.Last => (shape[^1], 1),
            VectorAxis.First => (shape[0], elements / Math.Max(1, shape[0])),
            VectorAxis.Columns => (shape[^2], shape[^1]),
            _ => (elements, 1L),
        };
        return new VectorLayout(length, Math.Max(1, inner), elements == 0 ? 0 : elements / length);
    }

    /// <summary>Whether a vector's elements are neighbours.</summary>
    public bool IsContiguous => Inner == 1;

    /// <summary>The vector of an element.</summary>
    public long VectorOf(long element) => IsContiguous ? element / Length : (element / (Length * Inner) * Inner) + (element % Inner);

    /// <summary>
    /// How many elements from one on belong to the same vector, where vectors are contiguous, or to vectors that follow each other, where
    /// not.
    /// </summary>
    /// <param name="element">The first element.</param>
    /// <param name="limit">The most to return.</param>
    public int Run(long element, int limit)
    {
        var period = IsContiguous ? Length : Inner;
        return (int)Math.Min(limit, period - (element % period));
    }
}
