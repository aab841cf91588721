using System.Runtime.CompilerServices;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Products;

/// <summary>
/// Products with few rows (a decoding step, a short prompt): reading the weight from memory is what they cost, so it is read once, in its
/// own order and without packing. Pieces of work are ranges of C's columns; each element is one thread's, in a fixed order of additions.
/// </summary>
internal sealed unsafe class StreamedProduct<TVector, TLanes>
    where TVector : struct
    where TLanes : struct, IWeightLanes<TVector>
{
    // About 64 KB of accumulators of C at 16 rows; a piece of a large weight is then some hundred microseconds of reading.
    private const int ColumnsPerPiece = 1024;
    private const int WeightRowsPerPiece = 64;

    private readonly ProductOperands<float, WeightMatrix> _product;

    private StreamedProduct(in ProductOperands<float, WeightMatrix> product) => _product = product;

    /// <summary>Computes the product; rows, columns and depth must be positive, and A not transposed.</summary>
    public static void Run(in ProductOperands<float, WeightMatrix> product)
    {
        var run = new StreamedProduct<TVector, TLanes>(product);
        switch (product.B.Format)
        {
            case WeightFormat.BFloat16:
                run.Run<BFloat16Element>();
                break;
            case WeightFormat.Float16:
                run.Run<Float16Element>();
                break;
            default:
                run.Run<Float32Element>();
                break;
        }
    }

    private void Run<TElement>()
        where TElement : struct, IWeightElement
    {
        var step = _product.TransposedB ? WeightRowsPerPiece : ColumnsPerPiece;
        var pieces = (int)(((long)_product.Columns + step - 1) / step);
        Workers.For(_product.Threads, pieces, _product.TransposedB ? DotRows<TElement> : AddRows<TElement>);
    }

    /// <summary>C[row, j] = A[row] · B[j] for the weight rows j of one piece, four rows of A at a time.</summary>
    private void DotRows<TElement>(int piece)
        where TElement : struct, IWeightElement
    {
        var first = piece * WeightRowsPerPiece;
        var end = Math.Min(first + WeightRowsPerPiece, _product.Columns);
        var strideB = _product.B.Stride * TElement.Size;
        for (var column = first; column < end; column += 2)
        {
            var b0 = _product.B.Data + column * strideB;
            var b1 = column + 1 < end ? b0 + strideB : b0;
            var c1 = column + 1 < end ? 1 : 0;
            var row = 0;
            for (; row + 4 <= _product.Rows; row += 4)
                DotFourByTwo<TElement>(row, b0, b1, _product.C + row * _product.StrideC + column, c1);
            for (; row < _product.Rows; row++)
                DotOneByTwo<TElement>(row, b0, b1, _product.C + row * _product.StrideC + column, c1);
        }
    }

    private float* Left(int row) => (float*)_product.A.Data + row * _product.A.Stride;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void DotFourByTwo<TElement>(int row, byte* b0, byte* b1, float* c, nint next)
        where TElement : struct, IWeightElement
    {
        nint depth = _product.Depth;
        var stride = _product.A.Stride;
        var a = Left(row);
        TVector s00 = TLanes.Zero, s10 = TLanes.Zero, s20 = TLanes.Zero, s30 = TLanes.Zero;
        TVector s01 = TLanes.Zero, s11 = TLanes.Zero, s21 = TLanes.Zero, s31 = TLanes.Zero;
        nint p = 0;
        for (; p + TLanes.Count <= depth; p += TLanes.Count)
        {
            var w0 = TLanes.LoadWeights<TElement>(b0 + p * TElement.Size);
            var w1 = TLanes.LoadWeights<TElement>(b1 + p * TElement.Size);
            var a0 = TLanes.Load(a + p);
            var a1 = TLanes.Load(a + p + stride);
            var a2 = TLanes.Load(a + p + 2 * stride);
            var a3 = TLanes.Load(a + p + 3 * stride);
            s00 = TLanes.MultiplyAdd(a0, w0, s00);
            s01 = TLanes.MultiplyAdd(a0, w1, s01);
            s10 = TLanes.MultiplyAdd(a1, w0, s10);
            s11 = TLanes.MultiplyAdd(a1, w1, s11);
            s20 = TLanes.MultiplyAdd(a2, w0, s20);
            s21 = TLanes.MultiplyAdd(a2, w1, s21);
            s30 = TLanes.MultiplyAdd(a3, w0, s30);
            s31 = TLanes.MultiplyAdd(a3, w1, s31);
        }

        var strideC = _product.StrideC;
        Finish<TElement>(a, b0, p, s00, c);
        Finish<TElement>(a + stride, b0, p, s10, c + strideC);
        Finish<TElement>(a + 2 * stride, b0, p, s20, c + 2 * strideC);
        Finish<TElement>(a + 3 * stride, b0, p, s30, c + 3 * strideC);
        if (next == 0)
            return;
        Finish<TElement>(a, b1, p, s01, c + 1);
        Finish<TElement>(a + stride, b1, p, s11, c + strideC + 1);
        Finish<TElement>(a + 2 * stride, b1, p, s21, c + 2 * strideC + 1);
        Finish<TElement>(a + 3 * stride, b1, p, s31, c + 3 * strideC + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void DotOneByTwo<TElement>(int row, byte* b0, byte* b1, float* c, nint next)
        where TElement : struct, IWeightElement
    {
        nint depth = _product.Depth;
        var a = Left(row);
        TVector s0 = TLanes.Zero, s1 = TLanes.Zero;
        nint p = 0;
        for (; p + TLanes.Count <= depth; p += TLanes.Count)
        {
            var v = TLanes.Load(a + p);
            s0 = TLanes.MultiplyAdd(v, TLanes.LoadWeights<TElement>(b0 + p * TElement.Size), s0);
            s1 = TLanes.MultiplyAdd(v, TLanes.LoadWeights<TElement>(b1 + p * TElement.Size), s1);
        }

        Finish<TElement>(a, b0, p, s0, c);
        if (next != 0)
            Finish<TElement>(a, b1, p, s1, c + 1);
    }

    /// <summary>Adds up the lanes and the elements from <paramref name="p"/> on that fill no vector.</summary>
    private void Finish<TElement>(float* a, byte* b, nint p, TVector lanes, float* c)
        where TElement : struct, IWeightElement
    {
        var sum = TLanes.Sum(lanes);
        for (; p < _product.Depth; p++)
            sum = float.FusedMultiplyAdd(a[p], TElement.Load1(b + p * TElement.Size), sum);
        *c = _product.Accumulate ? *c + sum : sum;
    }

    /// <summary>C[row] = Σ A[row, p] · B[p] within the columns of one piece, which stay in the cache, four weight rows at a time.</summary>
    private void AddRows<TElement>(int piece)
        where TElement : struct, IWeightElement
    {
        var first = (nint)piece * ColumnsPerPiece;
        var columns = (int)Math.Min(ColumnsPerPiece, _product.Columns - first);
        if (!_product.Accumulate)
        {
            for (var row = 0; row < _product.Rows; row++)
                new Span<float>(_product.C + row * _product.StrideC + first, columns).Clear();
        }

        for (var p = 0; p < _product.Depth; p += 4)
        {
            for (var row = 0; row < _product.Rows; row++)
            {
                AddFour<TElement>(
                    Left(row) + p,
                    _product.B.Data + (p * _product.B.Stride + first) * TElement.Size,
                    Math.Min(4, _product.Depth - p),
                    _product.C + row * _product.StrideC + first,
                    columns);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddFour<TElement>(float* a, byte* b, int rows, float* c, nint columns)
        where TElement : struct, IWeightElement
    {
        var stride = _product.B.Stride * TElement.Size;
        nint j = 0;
        if (rows == 4)
        {
            var a0 = TLanes.Broadcast(a[0]);
            var a1 = TLanes.Broadcast(a[1]);
            var a2 = TLanes.Broadcast(a[2]);
            var a3 = TLanes.Broadcast(a[3]);
            for (; j + TLanes.Count <= columns; j += TLanes.Count)
            {
                var at = b + j * TElement.Size;
                var sum = TLanes.MultiplyAdd(a0, TLanes.LoadWeights<TElement>(at), TLanes.Load(c + j));
                sum = TLanes.MultiplyAdd(a1, TLanes.LoadWeights<TElement>(at + stride), sum);
                sum = TLanes.MultiplyAdd(a2, TLanes.LoadWeights<TElement>(at + 2 * stride), sum);
                sum = TLanes.MultiplyAdd(a3, TLanes.LoadWeights<TElement>(at + 3 * stride), sum);
                TLanes.Store(sum, c + j);
            }
        }

        for (; j < columns; j++)
        {
            for (var p = 0; p < rows; p++)
                c[j] = float.FusedMultiplyAdd(a[p], TElement.Load1(b + p * stride + j * TElement.Size), c[j]);
        }
    }
}
