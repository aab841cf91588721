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
/// threads.
/// </remarks>
/// <param name="work">Threads.</param>
internal sealed unsafe class DenseProduct(MatrixWork work)
{
    private const int DepthBlock = 256;

    // Rows whose packed panels stay in the second-level cache while all columns pass by.
    private const int RowBlock = 4 * TileRows;
    private const int TileRows = 24;
    private const int TileColumns = 8;

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
        var panels = (target.Columns + TileColumns - 1) / TileColumns;
        var rowBlock = target.Rows < 4 * RowBlock ? TileRows : RowBlock;
        var packed = ArrayPool<double>.Shared.Rent(checked(panels * TileColumns * Math.Min(DepthBlock, Math.Max(1, a.Columns))));
        for (var first = 0; first == 0 || first < a.Columns; first += DepthBlock)
        {
            var depth = Math.Min(DepthBlock, a.Columns - first);
            var (start, own) = (first, b.Part(first, 0, depth, b.Columns));
            work.ForEach(
                panels,
                (long)depth * TileColumns,
                panel =>
                    Pack(
                        own.Transposed,
                        panel * TileColumns,
                        TileColumns,
                        packed.AsSpan(panel * depth * TileColumns)));
            work.ForEach((target.Rows + rowBlock - 1) / rowBlock, (long)depth * target.Columns * rowBlock, block =>
                MultiplyRows(
                    a.Part(0, start, a.Rows, depth),
                    block * rowBlock,
                    rowBlock,
                    packed,
                    target,
                    start == 0 ? factor : factor ?? 1,
                    isSymmetric));
        }

        ArrayPool<double>.Shared.Return(packed);
        if (isSymmetric)
            Mirror(target);
    }

    private static void MultiplyRows(
        DenseSlice a, int firstRow, int rowBlock, double[] packedColumns, DenseSlice target, double? factor, bool isSymmetric)
    {
        var (depth, rows) = (a.Columns, Math.Min(rowBlock, a.Rows - firstRow));
        var packedRows = ArrayPool<double>.Shared.Rent((rowBlock * depth) + 1);
        for (var row = 0; row < rows; row += TileRows)
            Pack(a, firstRow + row, TileRows, packedRows.AsSpan(row * depth));
        var edge = stackalloc double[TileRows * TileColumns];
        fixed (double* left = packedRows, right = packedColumns, values = target.Values)
        {
            var firstColumn = isSymmetric ? firstRow / TileColumns * TileColumns : 0;
            for (var column = firstColumn; column < target.Columns; column += TileColumns)
            {
                var panel = right + ((nint)column * depth);
                for (var row = 0; row < rows; row += TileRows)
                {
                    var (height, width) = (Math.Min(TileRows, rows - row), Math.Min(TileColumns, target.Columns - column));
                    var place = values + target.Index(firstRow + row, column);
                    if (height == TileRows && width == TileColumns && factor is null or 1)
                    {
                        Tile(depth, left + (row * depth), panel, place, target.Stride, accumulate: factor is not null);
                        continue;
                    }

                    Tile(depth, left + (row * depth), panel, edge, TileColumns, accumulate: false);
                    for (var i = 0; i < height; i++)
                        Put(
                            new ReadOnlySpan<double>(edge + (i * TileColumns), width),
                            new Span<double>(place + ((nint)i * target.Stride), width),
                            factor);
                }
            }
        }

        ArrayPool<double>.Shared.Return(packedRows);
    }

    private static void Tile(nint depth, double* a, double* b, double* c, nint stride, bool accumulate) =>
        RegisterTiles.TwentyFourByOne<double, Vector512<double>, Doubles512>(depth, a, b, TileColumns, c, stride, accumulate);

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
