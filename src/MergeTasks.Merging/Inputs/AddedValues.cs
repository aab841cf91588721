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

/// <summary>A matrix in its place within a tensor.</summary>
/// <param name="Start">The tensor's element that is its first.</param>
/// <param name="Length">Number of its elements, one after the other.</param>
/// <param name="Product">The matrix.</param>
internal readonly record struct PlacedProduct(long Start, long Length, LowRankProduct Product);

/// <summary>Several matrices within one tensor. Nothing is added to what lies between them.</summary>
/// <param name="products">The matrices, in the order of their places, without overlap.</param>
internal sealed class PlacedProducts(IReadOnlyList<PlacedProduct> products) : AddedValues
{
    private readonly long[] _ends = [.. products.Select(placed => placed.Start + placed.Length)];

    public override void AddTo(long start, Span<float> values, Span<float> sums)
    {
        var end = start + values.Length;

        // The first that ends behind the first element.
        var index = Array.BinarySearch(_ends, start + 1);
        for (index = index < 0 ? ~index : index; index < products.Count && products[index].Start < end; index++)
        {
            var placed = products[index];
            var (from, until) = (Math.Max(start, placed.Start), Math.Min(end, placed.Start + placed.Length));
            placed.Product.AddTo(from - placed.Start, values[(int)(from - start)..(int)(until - start)], sums);
        }
    }
}
