using MergeTasks.Methods.Kernels;

namespace MergeTasks.Merging.Inputs;

/// <summary>A matrix s·L·R of low rank in memory: its factors in fp32, its elements when they are asked for.</summary>
/// <param name="left">L, [rows, rank].</param>
/// <param name="right">R, [rank, columns].</param>
/// <param name="rank">The rank.</param>
/// <param name="columns">Number of columns.</param>
/// <param name="scale">s.</param>
internal sealed class LowRankProduct(float[] left, float[] right, int rank, long columns, float scale) : AddedValues
{
    /// <summary>
    /// Adds the matrix's elements from <paramref name="start"/> on, in row-major order. Each element is the sum over the rank in order with
    /// one rounding per step, so it does not depend on how the elements are divided.
    /// </summary>
    /// <param name="start">First element.</param>
    /// <param name="values">What they are added to.</param>
    /// <param name="sums">Memory of at least the length of <paramref name="values"/>.</param>
    public override void AddTo(long start, Span<float> values, Span<float> sums)
    {
        var (row, column) = (start / columns, start % columns);
        while (!values.IsEmpty)
        {
            var count = (int)Math.Min(values.Length, columns - column);
            var sum = sums[..count];
            sum.Clear();
            for (var k = 0; k < rank; k++)
                BlockMath.AddProduct(sum, right.AsSpan(checked((int)((k * columns) + column)), count), left[(row * rank) + k]);
            BlockMath.AddProduct(values[..count], sum, scale);
            values = values[count..];
            (row, column) = (row + 1, 0);
        }
    }
}
