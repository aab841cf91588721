using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MergeTasks.Numerics.Products;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Algebra;

/// <summary>
/// fp64 matrix products over packed panels, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (ACM TOMS
/// 34(3), 2008).
/// </summary>
/// <remarks>
/// The depth is cut by its length alone and its parts are added in ascending order, so an element is the same bits for any number of
/// threads and any width of registers.
/// </remarks>
/// <param name="work">Threads.</param>
internal sealed unsafe class DenseProduct(MatrixWork work)
{
    private const int DepthBlock = 256;

    // Rows whose packed panels stay in the second-level cache while all columns pass by.
    private const int RowBlock = 96;

    // For small matrices, so that there are blocks for all threads. Both are multiples of every tile's rows.
    private const int SmallRowBlock = 24;

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
            MultiplyBy<DoubleTile512>(a, b, target, factor, isSymmetric);
        else if (Vector256.IsHardwareAccelerated)
            MultiplyBy<DoubleTile256>(a, b, target, factor, isSymmetric);
        else
            MultiplyBy<DoubleTile128>(a, b, target, factor, isSymmetric);
        if (isSymmetric)
            Mirror(target);
    }

    /// <summary>Multiplies with a tile that the processor may not have made to measure, leaving the lower half of symmetric ones.</summary>
    internal void MultiplyBy<TTile>(DenseSlice a, DenseSlice b, DenseSlice target, double? factor, bool isSymmetric)
        where TTile : struct, ITileShape<double>
    {
        var panels = (target.Columns + TTile.Columns - 1) / TTile.Columns;
        var rowBlock = target.Rows < 4 * RowBlock ? SmallRowBlock : RowBlock;
        var packed = ArrayPool<double>.Shared.Rent(checked(panels * TTile.Columns * Math.Min(DepthBlock, Math.Max(1, a.Columns))));
        for (var first = 0; first == 0 || first < a.Columns; first += DepthBlock)
        {
            var depth = Math.Min(DepthBlock, a.Columns - first);
            var (start, own) = (first, b.Part(first, 0, depth, b.Columns));
            work.ForEach(
                panels,
                (long)depth * TTile.Columns,
                panel =>
                    Pack(
                        own.Transposed,
                        panel * TTile.Columns,
                        TTile.Columns,
                        packed.AsSpan(panel * depth * TTile.Columns)));
            work.ForEach((target.Rows + rowBlock - 1) / rowBlock, (long)depth * target.Columns * rowBlock, block =>
                MultiplyRows<TTile>(
                    a.Part(0, start, a.Rows, depth),
                    block * rowBlock,
                    rowBlock,
                    packed,
                    target,
                    start == 0 ? factor : factor ?? 1,
                    isSymmetric));
        }

        ArrayPool<double>.Shared.Return(packed);
    }

    private static void MultiplyRows<TTile>(
        DenseSlice a, int firstRow, int rowBlock, double[] packedColumns, DenseSlice target, double? factor, bool isSymmetric)
        where TTile : struct, ITileShape<double>
    {
        var (depth, rows) = (a.Columns, Math.Min(rowBlock, a.Rows - firstRow));
        var packedRows = ArrayPool<double>.Shared.Rent((rowBlock * depth) + 1);
        for (var row = 0; row < rows; row += TTile.Rows)
            Pack(a, firstRow + row, TTile.Rows, packedRows.AsSpan(row * depth));
        var edge = stackalloc double[TTile.Rows * TTile.Columns];
        fixed (double* left = packedRows, right = packedColumns, values = target.Values)
        {
            var firstColumn = isSymmetric ? firstRow / TTile.Columns * TTile.Columns : 0;
            for (var column = firstColumn; column < target.Columns; column += TTile.Columns)
            {
                var panel = right + ((nint)column * depth);
                for (var row = 0; row < rows; row += TTile.Rows)
                {
                    var (height, width) = (Math.Min(TTile.Rows, rows - row), Math.Min(TTile.Columns, target.Columns - column));
                    var place = values + target.Index(firstRow + row, column);
                    if (height == TTile.Rows && width == TTile.Columns && factor is null or 1)
                    {
                        TTile.Full(depth, left + (row * depth), panel, place, target.Stride, accumulate: factor is not null);
                        continue;
                    }

                    TTile.Full(depth, left + (row * depth), panel, edge, TTile.Columns, accumulate: false);
                    for (var i = 0; i < height; i++)
                        Put(
                            new ReadOnlySpan<double>(edge + (i * TTile.Columns), width),
                            new Span<double>(place + ((nint)i * target.Stride), width),
                            factor);
                }
            }
        }

        ArrayPool<double>.Shared.Return(packedRows);
    }

    // As many rows side by side, element after element; zeros where there are fewer.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack(DenseSlice source, int firstRow, int width, Span<double> packed)
    {
        var (rows, depth) = (Math.Min(width, source.Rows - firstRow), source.Columns);
        packed = packed[..(width * depth)];
        if (rows < width)
            packed.Clear();
        if (source.IsTransposed)
        {
            for (var k = 0; k < depth; k++)
                source.Values.AsSpan(source.Index(firstRow, k), rows).CopyTo(packed[(k * width)..]);
            return;
        }

        for (var row = 0; row < rows; row++)
        {
            var values = source.Values.AsSpan(source.Index(firstRow + row, 0), depth);
            for (int k = 0, at = row; k < values.Length; k++, at += width)
                packed[at] = values[k];
        }
    }

    private static void Put(ReadOnlySpan<double> product, Span<double> place, double? factor)
    {
        if (factor is null)
            product.CopyTo(place);
        else
            DenseVectors.AddProduct(place, product, factor.Value);
    }

    private void Mirror(DenseSlice target) => work.ForEach(target.Rows, target.Rows / 2, row =>
    {
        for (var column = 0; column < row; column++)
            target.Values[target.Index(row, column)] = target.Values[target.Index(column, row)];
    });
}
