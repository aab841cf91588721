using System.Runtime.Intrinsics;
using MergeTasks.Numerics.Products;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Algebra;

/// <summary>fp64 matrix products of slices, their multiples and their symmetric halves.</summary>
/// <remarks>An element is the same bits for any number of threads and any width of registers.</remarks>
/// <param name="work">Threads.</param>
internal sealed unsafe class DenseProduct(MatrixWork work)
{
    private const int DepthBlock = 256;

    /// <summary>target = a·b, or target += factor·a·b.</summary>
    /// <param name="a">[m, k].</param>
    /// <param name="b">[k, n].</param>
    /// <param name="target">[m, n], not transposed; must not overlap the operands.</param>
    /// <param name="factor">Of the product that is added; <see langword="null"/>: the product replaces the target.</param>
    /// <param name="isSymmetric">Whether the result is known to be symmetric, so that half of it is computed.</param>
    public void Multiply(DenseSlice a, DenseSlice b, DenseSlice target, double? factor = null, bool isSymmetric = false)
    {
        if (a.Columns != b.Rows || a.Rows != target.Rows || b.Columns != target.Columns || target.IsTransposed)
            throw new ArgumentException(
                $"[{a.Rows}, {a.Columns}] · [{b.Rows}, {b.Columns}] does not give [{target.Rows}, {target.Columns}].");
        if (Vector512.IsHardwareAccelerated)
            MultiplyBy<TallTile<double, Vector512<double>, Doubles512>>(a, b, target, factor, isSymmetric);
        else if (Vector256.IsHardwareAccelerated)
            MultiplyBy<WideTile<double, Vector256<double>, Doubles256>>(a, b, target, factor, isSymmetric);
        else
            MultiplyBy<WideTile<double, Vector128<double>, Doubles128>>(a, b, target, factor, isSymmetric);
        if (isSymmetric)
            Mirror(target);
    }

    /// <summary>Multiplies with a tile that the processor may not have made to measure, leaving the lower half of symmetric ones.</summary>
    internal void MultiplyBy<TTile>(DenseSlice a, DenseSlice b, DenseSlice target, double? factor, bool isSymmetric)
        where TTile : struct, ITileShape<double>
    {
        fixed (double* left = a.Values, right = b.Values, values = target.Values)
        {
            var product = new ProductOperands<double, StoredDoubles>
            {
                Rows = target.Rows,
                Columns = target.Columns,
                Depth = a.Columns,
                DepthBlock = DepthBlock,
                A = new StoredDoubles(left + a.Start, a.Stride),
                TransposedA = a.IsTransposed,
                B = new StoredDoubles(right + b.Start, b.Stride),
                TransposedB = b.IsTransposed,
                C = values + target.Start,
                StrideC = target.Stride,
                Accumulate = factor is not null,
                Factor = factor ?? 1,
                IsUpperHalf = isSymmetric,
                Threads = work.ThreadsFor((long)target.Rows * a.Columns * target.Columns),
                Cancellation = work.Cancellation,
            };
            if (!product.IsDone())
                PackedProduct<double, StoredDoubles, TTile>.Run(product);
        }
    }

    private void Mirror(DenseSlice target) => work.ForEach(target.Rows, target.Rows / 2, row =>
    {
        for (var column = 0; column < row; column++)
            target.Values[target.Index(row, column)] = target.Values[target.Index(column, row)];
    });

    private readonly struct StoredDoubles(double* data, nint stride) : IPanelSource<double>
    {
        public byte* Data => (byte*)data;

        public nint Stride => stride;

        public int ElementSize => sizeof(double);

        public void Interleave(byte* source, int lanes, int depth, double* target, int width) =>
            PanelPacking.Interleave((double*)source, stride, lanes, depth, target, width);

        public void Copy(byte* source, int lanes, int depth, double* target, int width) =>
            PanelPacking.Copy((double*)source, stride, lanes, depth, target, width);
    }
}
