using System.Runtime.InteropServices;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Merging.Inputs;

/// <summary>A matrix s·L·R of low rank in memory: its factors in fp32, its elements when they are asked for.</summary>
/// <param name="left">L, [rows, rank].</param>
/// <param name="right">R, [rank, columns].</param>
/// <param name="rank">The rank.</param>
/// <param name="columns">Number of columns.</param>
/// <param name="scale">s.</param>
internal sealed class LowRankProduct(float[] left, float[] right, int rank, long columns, float scale)
{
    /// <summary>The change of a LoRA module: s·B·A, or its transpose where the model stores [in, out].</summary>
    public static LowRankProduct Of(LoraModule module, SafetensorsFile file, bool isTransposed)
    {
        var (a, b) = (Read(file, module.A), Read(file, module.B));
        var rank = checked((int)module.Rank);
        return isTransposed
            ? new LowRankProduct(
                Transposed(a, rank, checked((int)module.In)),
                Transposed(b, checked((int)module.Out), rank),
                rank,
                module.Out,
                (float)module.Scale)
            : new LowRankProduct(b, a, rank, module.In, (float)module.Scale);
    }

    /// <summary>
    /// Adds the matrix's elements from <paramref name="start"/> on, in row-major order. Each element is the sum over the rank in order with
    /// one rounding per step, so it does not depend on how the elements are divided.
    /// </summary>
    /// <param name="start">First element.</param>
    /// <param name="values">What they are added to.</param>
    /// <param name="sums">Memory of at least the length of <paramref name="values"/>.</param>
    public void AddTo(long start, Span<float> values, Span<float> sums)
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

    private static float[] Read(SafetensorsFile file, TensorInfo tensor)
    {
        var values = new float[checked((int)tensor.ElementCount)];
        if (tensor.DType == DType.F32)
        {
            file.Read(tensor.Offset, MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }

        var bytes = new byte[checked((int)tensor.ByteLength)];
        file.Read(tensor.Offset, bytes);
        ElementConversion.ToSingle(tensor.DType, bytes, values);
        return values;
    }

    private static float[] Transposed(float[] matrix, int rows, int columns)
    {
        var transposed = new float[matrix.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
                transposed[((long)column * rows) + row] = matrix[((long)row * columns) + column];
        }

        return transposed;
    }
}
