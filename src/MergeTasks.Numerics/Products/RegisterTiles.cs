using System.Numerics;
using System.Runtime.CompilerServices;

namespace MergeTasks.Numerics.Products;

/// <summary>
/// Register tiles of C: each multiplies a panel of A (<c>depth</c> groups of one element per row) by a panel of B (<c>depth</c> groups of
/// vectors), holding the tile in registers, and stores it into C or adds it there. Every element of C is one chain of fused
/// multiply-adds in ascending depth, whatever the tile's shape, so results do not depend on where a panel begins.
/// </summary>
internal static unsafe class RegisterTiles
{
    /// <summary>
    /// 24 rows by 1 vector: 24 accumulators, for AVX-512, in fp32 or fp64. Each element of A is used once, so that its broadcast becomes
    /// part of the multiply-add; with 2 vectors per row it would be an instruction of its own, and issuing instructions, not multiplying,
    /// would set the pace wherever two hardware threads share a core.
    /// </summary>
    /// <param name="depth">Length of the panels.</param>
    /// <param name="a">Panel of A, 24 elements per depth.</param>
    /// <param name="b">This vector's place in the panel of B.</param>
    /// <param name="width">Elements of B per depth.</param>
    /// <param name="c">First element of the tile.</param>
    /// <param name="stride">Elements from one row of C to the next.</param>
    /// <param name="accumulate">Add to C.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TwentyFourByOne<TElement, TVector, TLanes>(
        nint depth, TElement* a, TElement* b, nint width, TElement* c, nint stride, bool accumulate)
        where TElement : unmanaged
        where TVector : struct
        where TLanes : struct, ILanes<TElement, TVector>
    {
        TVector c0 = TLanes.Zero, c1 = TLanes.Zero, c2 = TLanes.Zero, c3 = TLanes.Zero;
        TVector c4 = TLanes.Zero, c5 = TLanes.Zero, c6 = TLanes.Zero, c7 = TLanes.Zero;
        TVector c8 = TLanes.Zero, c9 = TLanes.Zero, c10 = TLanes.Zero, c11 = TLanes.Zero;
        TVector c12 = TLanes.Zero, c13 = TLanes.Zero, c14 = TLanes.Zero, c15 = TLanes.Zero;
        TVector c16 = TLanes.Zero, c17 = TLanes.Zero, c18 = TLanes.Zero, c19 = TLanes.Zero;
        TVector c20 = TLanes.Zero, c21 = TLanes.Zero, c22 = TLanes.Zero, c23 = TLanes.Zero;
        for (; depth >= 2; depth -= 2)
        {
            var even = TLanes.Load(b);
            c0 = TLanes.MultiplyAdd(TLanes.Broadcast(a[0]), even, c0);
            c1 = TLanes.MultiplyAdd(TLanes.Broadcast(a[1]), even, c1);
            c2 = TLanes.MultiplyAdd(TLanes.Broadcast(a[2]), even, c2);
            c3 = TLanes.MultiplyAdd(TLanes.Broadcast(a[3]), even, c3);
            c4 = TLanes.MultiplyAdd(TLanes.Broadcast(a[4]), even, c4);
            c5 = TLanes.MultiplyAdd(TLanes.Broadcast(a[5]), even, c5);
            c6 = TLanes.MultiplyAdd(TLanes.Broadcast(a[6]), even, c6);
            c7 = TLanes.MultiplyAdd(TLanes.Broadcast(a[7]), even, c7);
            c8 = TLanes.MultiplyAdd(TLanes.Broadcast(a[8]), even, c8);
            c9 = TLanes.MultiplyAdd(TLanes.Broadcast(a[9]), even, c9);
            c10 = TLanes.MultiplyAdd(TLanes.Broadcast(a[10]), even, c10);
            c11 = TLanes.MultiplyAdd(TLanes.Broadcast(a[11]), even, c11);
            c12 = TLanes.MultiplyAdd(TLanes.Broadcast(a[12]), even, c12);
            c13 = TLanes.MultiplyAdd(TLanes.Broadcast(a[13]), even, c13);
            c14 = TLanes.MultiplyAdd(TLanes.Broadcast(a[14]), even, c14);
            c15 = TLanes.MultiplyAdd(TLanes.Broadcast(a[15]), even, c15);
            c16 = TLanes.MultiplyAdd(TLanes.Broadcast(a[16]), even, c16);
            c17 = TLanes.MultiplyAdd(TLanes.Broadcast(a[17]), even, c17);
            c18 = TLanes.MultiplyAdd(TLanes.Broadcast(a[18]), even, c18);
            c19 = TLanes.MultiplyAdd(TLanes.Broadcast(a[19]), even, c19);
            c20 = TLanes.MultiplyAdd(TLanes.Broadcast(a[20]), even, c20);
            c21 = TLanes.MultiplyAdd(TLanes.Broadcast(a[21]), even, c21);
            c22 = TLanes.MultiplyAdd(TLanes.Broadcast(a[22]), even, c22);
            c23 = TLanes.MultiplyAdd(TLanes.Broadcast(a[23]), even, c23);
            var odd = TLanes.Load(b + width);
            c0 = TLanes.MultiplyAdd(TLanes.Broadcast(a[24]), odd, c0);
            c1 = TLanes.MultiplyAdd(TLanes.Broadcast(a[25]), odd, c1);
            c2 = TLanes.MultiplyAdd(TLanes.Broadcast(a[26]), odd, c2);
            c3 = TLanes.MultiplyAdd(TLanes.Broadcast(a[27]), odd, c3);
            c4 = TLanes.MultiplyAdd(TLanes.Broadcast(a[28]), odd, c4);
            c5 = TLanes.MultiplyAdd(TLanes.Broadcast(a[29]), odd, c5);
            c6 = TLanes.MultiplyAdd(TLanes.Broadcast(a[30]), odd, c6);
            c7 = TLanes.MultiplyAdd(TLanes.Broadcast(a[31]), odd, c7);
            c8 = TLanes.MultiplyAdd(TLanes.Broadcast(a[32]), odd, c8);
            c9 = TLanes.MultiplyAdd(TLanes.Broadcast(a[33]), odd, c9);
            c10 = TLanes.MultiplyAdd(TLanes.Broadcast(a[34]), odd, c10);
            c11 = TLanes.MultiplyAdd(TLanes.Broadcast(a[35]), odd, c11);
            c12 = TLanes.MultiplyAdd(TLanes.Broadcast(a[36]), odd, c12);
            c13 = TLanes.MultiplyAdd(TLanes.Broadcast(a[37]), odd, c13);
            c14 = TLanes.MultiplyAdd(TLanes.Broadcast(a[38]), odd, c14);
            c15 = TLanes.MultiplyAdd(TLanes.Broadcast(a[39]), odd, c15);
            c16 = TLanes.MultiplyAdd(TLanes.Broadcast(a[40]), odd, c16);
            c17 = TLanes.MultiplyAdd(TLanes.Broadcast(a[41]), odd, c17);
            c18 = TLanes.MultiplyAdd(TLanes.Broadcast(a[42]), odd, c18);
            c19 = TLanes.MultiplyAdd(TLanes.Broadcast(a[43]), odd, c19);
            c20 = TLanes.MultiplyAdd(TLanes.Broadcast(a[44]), odd, c20);
            c21 = TLanes.MultiplyAdd(TLanes.Broadcast(a[45]), odd, c21);
            c22 = TLanes.MultiplyAdd(TLanes.Broadcast(a[46]), odd, c22);
            c23 = TLanes.MultiplyAdd(TLanes.Broadcast(a[47]), odd, c23);
            a += 48;
            b += 2 * width;
        }

        if (depth > 0)
        {
            var last = TLanes.Load(b);
            c0 = TLanes.MultiplyAdd(TLanes.Broadcast(a[0]), last, c0);
            c1 = TLanes.MultiplyAdd(TLanes.Broadcast(a[1]), last, c1);
            c2 = TLanes.MultiplyAdd(TLanes.Broadcast(a[2]), last, c2);
            c3 = TLanes.MultiplyAdd(TLanes.Broadcast(a[3]), last, c3);
            c4 = TLanes.MultiplyAdd(TLanes.Broadcast(a[4]), last, c4);
            c5 = TLanes.MultiplyAdd(TLanes.Broadcast(a[5]), last, c5);
            c6 = TLanes.MultiplyAdd(TLanes.Broadcast(a[6]), last, c6);
            c7 = TLanes.MultiplyAdd(TLanes.Broadcast(a[7]), last, c7);
            c8 = TLanes.MultiplyAdd(TLanes.Broadcast(a[8]), last, c8);
            c9 = TLanes.MultiplyAdd(TLanes.Broadcast(a[9]), last, c9);
            c10 = TLanes.MultiplyAdd(TLanes.Broadcast(a[10]), last, c10);
            c11 = TLanes.MultiplyAdd(TLanes.Broadcast(a[11]), last, c11);
            c12 = TLanes.MultiplyAdd(TLanes.Broadcast(a[12]), last, c12);
            c13 = TLanes.MultiplyAdd(TLanes.Broadcast(a[13]), last, c13);
            c14 = TLanes.MultiplyAdd(TLanes.Broadcast(a[14]), last, c14);
            c15 = TLanes.MultiplyAdd(TLanes.Broadcast(a[15]), last, c15);
            c16 = TLanes.MultiplyAdd(TLanes.Broadcast(a[16]), last, c16);
            c17 = TLanes.MultiplyAdd(TLanes.Broadcast(a[17]), last, c17);
            c18 = TLanes.MultiplyAdd(TLanes.Broadcast(a[18]), last, c18);
            c19 = TLanes.MultiplyAdd(TLanes.Broadcast(a[19]), last, c19);
            c20 = TLanes.MultiplyAdd(TLanes.Broadcast(a[20]), last, c20);
            c21 = TLanes.MultiplyAdd(TLanes.Broadcast(a[21]), last, c21);
            c22 = TLanes.MultiplyAdd(TLanes.Broadcast(a[22]), last, c22);
            c23 = TLanes.MultiplyAdd(TLanes.Broadcast(a[23]), last, c23);
        }

        if (accumulate)
        {
            Add<TElement, TVector, TLanes>(c, c0);
            Add<TElement, TVector, TLanes>(c + stride, c1);
            Add<TElement, TVector, TLanes>(c + 2 * stride, c2);
            Add<TElement, TVector, TLanes>(c + 3 * stride, c3);
            Add<TElement, TVector, TLanes>(c + 4 * stride, c4);
            Add<TElement, TVector, TLanes>(c + 5 * stride, c5);
            Add<TElement, TVector, TLanes>(c + 6 * stride, c6);
            Add<TElement, TVector, TLanes>(c + 7 * stride, c7);
            Add<TElement, TVector, TLanes>(c + 8 * stride, c8);
            Add<TElement, TVector, TLanes>(c + 9 * stride, c9);
            Add<TElement, TVector, TLanes>(c + 10 * stride, c10);
            Add<TElement, TVector, TLanes>(c + 11 * stride, c11);
            Add<TElement, TVector, TLanes>(c + 12 * stride, c12);
            Add<TElement, TVector, TLanes>(c + 13 * stride, c13);
            Add<TElement, TVector, TLanes>(c + 14 * stride, c14);
            Add<TElement, TVector, TLanes>(c + 15 * stride, c15);
            Add<TElement, TVector, TLanes>(c + 16 * stride, c16);
            Add<TElement, TVector, TLanes>(c + 17 * stride, c17);
            Add<TElement, TVector, TLanes>(c + 18 * stride, c18);
            Add<TElement, TVector, TLanes>(c + 19 * stride, c19);
            Add<TElement, TVector, TLanes>(c + 20 * stride, c20);
            Add<TElement, TVector, TLanes>(c + 21 * stride, c21);
            Add<TElement, TVector, TLanes>(c + 22 * stride, c22);
            Add<TElement, TVector, TLanes>(c + 23 * stride, c23);
            return;
        }

        TLanes.Store(c0, c);
        TLanes.Store(c1, c + stride);
        TLanes.Store(c2, c + 2 * stride);
        TLanes.Store(c3, c + 3 * stride);
        TLanes.Store(c4, c + 4 * stride);
        TLanes.Store(c5, c + 5 * stride);
        TLanes.Store(c6, c + 6 * stride);
        TLanes.Store(c7, c + 7 * stride);
        TLanes.Store(c8, c + 8 * stride);
        TLanes.Store(c9, c + 9 * stride);
        TLanes.Store(c10, c + 10 * stride);
        TLanes.Store(c11, c + 11 * stride);
        TLanes.Store(c12, c + 12 * stride);
        TLanes.Store(c13, c + 13 * stride);
        TLanes.Store(c14, c + 14 * stride);
        TLanes.Store(c15, c + 15 * stride);
        TLanes.Store(c16, c + 16 * stride);
        TLanes.Store(c17, c + 17 * stride);
        TLanes.Store(c18, c + 18 * stride);
        TLanes.Store(c19, c + 19 * stride);
        TLanes.Store(c20, c + 20 * stride);
        TLanes.Store(c21, c + 21 * stride);
        TLanes.Store(c22, c + 22 * stride);
        TLanes.Store(c23, c + 23 * stride);
    }

    /// <summary>4 rows by 2 vectors: the last rows beside <see cref="TwentyFourByOne"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByTwo<TElement, TVector, TLanes>(
        nint depth, TElement* a, TElement* b, TElement* c, nint stride, bool accumulate)
        where TElement : unmanaged
        where TVector : struct
        where TLanes : struct, ILanes<TElement, TVector>
    {
        nint lanes = TLanes.Count;
        TVector c00 = TLanes.Zero, c01 = TLanes.Zero;
        TVector c10 = TLanes.Zero, c11 = TLanes.Zero;
        TVector c20 = TLanes.Zero, c21 = TLanes.Zero;
        TVector c30 = TLanes.Zero, c31 = TLanes.Zero;
        for (; depth > 0; depth--)
        {
            var b0 = TLanes.Load(b);
            var b1 = TLanes.Load(b + lanes);
            var a0 = TLanes.Broadcast(a[0]);
            c00 = TLanes.MultiplyAdd(a0, b0, c00);
            c01 = TLanes.MultiplyAdd(a0, b1, c01);
            var a1 = TLanes.Broadcast(a[1]);
            c10 = TLanes.MultiplyAdd(a1, b0, c10);
            c11 = TLanes.MultiplyAdd(a1, b1, c11);
            var a2 = TLanes.Broadcast(a[2]);
            c20 = TLanes.MultiplyAdd(a2, b0, c20);
            c21 = TLanes.MultiplyAdd(a2, b1, c21);
            var a3 = TLanes.Broadcast(a[3]);
            c30 = TLanes.MultiplyAdd(a3, b0, c30);
            c31 = TLanes.MultiplyAdd(a3, b1, c31);
            a += 4;
            b += 2 * lanes;
        }

        if (accumulate)
        {
            Add<TElement, TVector, TLanes>(c, c00, c01);
            Add<TElement, TVector, TLanes>(c + stride, c10, c11);
            Add<TElement, TVector, TLanes>(c + 2 * stride, c20, c21);
            Add<TElement, TVector, TLanes>(c + 3 * stride, c30, c31);
            return;
        }

        Put<TElement, TVector, TLanes>(c, c00, c01);
        Put<TElement, TVector, TLanes>(c + stride, c10, c11);
        Put<TElement, TVector, TLanes>(c + 2 * stride, c20, c21);
        Put<TElement, TVector, TLanes>(c + 3 * stride, c30, c31);
    }

    /// <summary>4 rows by 3 vectors: 12 accumulators, for machines with 16 vector registers or more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByThree<TElement, TVector, TLanes>(
        nint depth, TElement* a, TElement* b, TElement* c, nint stride, bool accumulate)
        where TElement : unmanaged
        where TVector : struct
        where TLanes : struct, ILanes<TElement, TVector>
    {
        nint lanes = TLanes.Count;
        TVector c00 = TLanes.Zero, c01 = TLanes.Zero, c02 = TLanes.Zero;
        TVector c10 = TLanes.Zero, c11 = TLanes.Zero, c12 = TLanes.Zero;
        TVector c20 = TLanes.Zero, c21 = TLanes.Zero, c22 = TLanes.Zero;
        TVector c30 = TLanes.Zero, c31 = TLanes.Zero, c32 = TLanes.Zero;
        for (; depth > 0; depth--)
        {
            var b0 = TLanes.Load(b);
            var b1 = TLanes.Load(b + lanes);
            var b2 = TLanes.Load(b + 2 * lanes);
            var a0 = TLanes.Broadcast(a[0]);
            c00 = TLanes.MultiplyAdd(a0, b0, c00);
            c01 = TLanes.MultiplyAdd(a0, b1, c01);
            c02 = TLanes.MultiplyAdd(a0, b2, c02);
            var a1 = TLanes.Broadcast(a[1]);
            c10 = TLanes.MultiplyAdd(a1, b0, c10);
            c11 = TLanes.MultiplyAdd(a1, b1, c11);
            c12 = TLanes.MultiplyAdd(a1, b2, c12);
            var a2 = TLanes.Broadcast(a[2]);
            c20 = TLanes.MultiplyAdd(a2, b0, c20);
            c21 = TLanes.MultiplyAdd(a2, b1, c21);
            c22 = TLanes.MultiplyAdd(a2, b2, c22);
            var a3 = TLanes.Broadcast(a[3]);
            c30 = TLanes.MultiplyAdd(a3, b0, c30);
            c31 = TLanes.MultiplyAdd(a3, b1, c31);
            c32 = TLanes.MultiplyAdd(a3, b2, c32);
            a += 4;
            b += 3 * lanes;
        }

        if (accumulate)
        {
            Add<TElement, TVector, TLanes>(c, c00, c01, c02);
            Add<TElement, TVector, TLanes>(c + stride, c10, c11, c12);
            Add<TElement, TVector, TLanes>(c + 2 * stride, c20, c21, c22);
            Add<TElement, TVector, TLanes>(c + 3 * stride, c30, c31, c32);
            return;
        }

        Put<TElement, TVector, TLanes>(c, c00, c01, c02);
        Put<TElement, TVector, TLanes>(c + stride, c10, c11, c12);
        Put<TElement, TVector, TLanes>(c + 2 * stride, c20, c21, c22);
        Put<TElement, TVector, TLanes>(c + 3 * stride, c30, c31, c32);
    }

    /// <summary>c = tile, or c += factor · tile, of the rows and columns that lie within C.</summary>
    /// <param name="tile">First element of the tile.</param>
    /// <param name="width">Elements from one row of the tile to the next.</param>
    /// <param name="c">Its place.</param>
    /// <param name="stride">Elements from one row of C to the next.</param>
    /// <param name="rows">Rows within C.</param>
    /// <param name="columns">Columns within C.</param>
    /// <param name="factor">What the tile is multiplied by, with one rounding, where it is added.</param>
    /// <param name="accumulate">Add to C.</param>
    public static void Put<TElement, TVector, TLanes>(
        TElement* tile, int width, TElement* c, nint stride, int rows, int columns, TElement factor, bool accumulate)
        where TElement : unmanaged, IFloatingPointIeee754<TElement>
        where TVector : struct
        where TLanes : struct, ILanes<TElement, TVector>
    {
        var factors = TLanes.Broadcast(factor);
        for (var row = 0; row < rows; row++, tile += width, c += stride)
        {
            if (!accumulate)
            {
                new ReadOnlySpan<TElement>(tile, columns).CopyTo(new Span<TElement>(c, columns));
                continue;
            }

            var column = 0;
            for (; column + TLanes.Count <= columns; column += TLanes.Count)
                TLanes.Store(TLanes.MultiplyAdd(TLanes.Load(tile + column), factors, TLanes.Load(c + column)), c + column);
            for (; column < columns; column++)
                c[column] = TElement.FusedMultiplyAdd(tile[column], factor, c[column]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TElement, TVector, TLanes>(TElement* c, TVector v0)
        where TElement : unmanaged
        where TVector : struct
        where TLanes : struct, ILanes<TElement, TVector> => TLanes.Store(TLanes.Add(TLanes.Load(c), v0), c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TElement, TVector, TLanes>(TElement* c, TVector v0, TVector v1)
        where TElement : unmanaged
        where TVector : struct
        where TLanes : struct, ILanes<TElement, TVector>
    {
        TLanes.Store(v0, c);
        TLanes.Store(v1, c + TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TElement, TVector, TLanes>(TElement* c, TVector v0, TVector v1)
        where TElement : unmanaged
        where TVector : struct
        where TLanes : struct, ILanes<TElement, TVector>
    {
        TLanes.Store(TLanes.Add(TLanes.Load(c), v0), c);
        TLanes.Store(TLanes.Add(TLanes.Load(c + TLanes.Count), v1), c + TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TElement, TVector, TLanes>(TElement* c, TVector v0, TVector v1, TVector v2)
        where TElement : unmanaged
        where TVector : struct
        where TLanes : struct, ILanes<TElement, TVector>
    {
        TLanes.Store(v0, c);
        TLanes.Store(v1, c + TLanes.Count);
        TLanes.Store(v2, c + 2 * TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TElement, TVector, TLanes>(TElement* c, TVector v0, TVector v1, TVector v2)
        where TElement : unmanaged
        where TVector : struct
        where TLanes : struct, ILanes<TElement, TVector>
    {
        TLanes.Store(TLanes.Add(TLanes.Load(c), v0), c);
        TLanes.Store(TLanes.Add(TLanes.Load(c + TLanes.Count), v1), c + TLanes.Count);
        TLanes.Store(TLanes.Add(TLanes.Load(c + 2 * TLanes.Count), v2), c + 2 * TLanes.Count);
    }
}
