namespace MergeTasks.Merging.Inputs;

/// <summary>Numbers in memory that are added to a tensor's as they are read.</summary>
internal abstract class AddedValues
{
    /// <summary>Adds the elements from <paramref name="start"/> on, in row-major order, however they are divided.</summary>
    /// <param name="start">First element.</param>
    /// <param name="values">What they are added to.</param>
    /// <param name="sums">Memory of at least the length of <paramref name="values"/>.</param>
    public abstract void AddTo(long start, Span<float> values, Span<float> sums);
}

/// <summary>Several matrices one after the other.</summary>
/// <param name="products">The matrices.</param>
/// <param name="length">Elements of each.</param>
internal sealed class StackedProducts(IReadOnlyList<LowRankProduct> products, long length) : AddedValues
{
    public override void AddTo(long start, Span<float> values, Span<float> sums)
    {
        while (!values.IsEmpty)
        {
            var (index, within) = (start / length, start % length);
            var count = (int)Math.Min(values.Length, length - within);
            products[(int)index].AddTo(within, values[..count], sums);
            values = values[count..];
            start += count;
        }
    }
}
