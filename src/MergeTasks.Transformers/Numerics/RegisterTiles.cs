using System.Runtime.CompilerServices;

namespace MergeTasks.Transformers.Numerics;

/// <summary>
/// Register tiles of C: each multiplies a panel of A (<c>depth</c> groups of one element per row) by a panel of B (<c>depth</c> groups of
/// 2 or 3 vectors), holding the tile in registers, and stores it into C or adds it there. Every element of C is one chain of fused
/// multiply-adds in ascending depth, whatever the tile's shape, so results do not depend on where a panel begins.
/// </summary>
internal static unsafe class RegisterTiles
{
    /// <summary>12 rows by 2 vectors: 24 accumulators, for machines with 32 vector registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TwelveByTwo<TVector, TLanes>(nint depth, float* a, float* b, float* c, nint stride, bool accumulate)
        where TVector : struct
        where TLanes : struct, ILanes<TVector>
    {
        nint lanes = TLanes.Count;
        TVector c00 = TLanes.Zero, c01 = TLanes.Zero;
        TVector c10 = TLanes.Zero, c11 = TLanes.Zero;
        TVector c20 = TLanes.Zero, c21 = TLanes.Zero;
        TVector c30 = TLanes.Zero, c31 = TLanes.Zero;
        TVector c40 = TLanes.Zero, c41 = TLanes.Zero;
        TVector c50 = TLanes.Zero, c51 = TLanes.Zero;
        TVector c60 = TLanes.Zero, c61 = TLanes.Zero;
        TVector c70 = TLanes.Zero, c71 = TLanes.Zero;
        TVector c80 = TLanes.Zero, c81 = TLanes.Zero;
        TVector c90 = TLanes.Zero, c91 = TLanes.Zero;
        TVector ca0 = TLanes.Zero, ca1 = TLanes.Zero;
        TVector cb0 = TLanes.Zero, cb1 = TLanes.Zero;
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
            var a4 = TLanes.Broadcast(a[4]);
            c40 = TLanes.MultiplyAdd(a4, b0, c40);
            c41 = TLanes.MultiplyAdd(a4, b1, c41);
            var a5 = TLanes.Broadcast(a[5]);
            c50 = TLanes.MultiplyAdd(a5, b0, c50);
            c51 = TLanes.MultiplyAdd(a5, b1, c51);
            var a6 = TLanes.Broadcast(a[6]);
            c60 = TLanes.MultiplyAdd(a6, b0, c60);
            c61 = TLanes.MultiplyAdd(a6, b1, c61);
            var a7 = TLanes.Broadcast(a[7]);
            c70 = TLanes.MultiplyAdd(a7, b0, c70);
            c71 = TLanes.MultiplyAdd(a7, b1, c71);
            var a8 = TLanes.Broadcast(a[8]);
            c80 = TLanes.MultiplyAdd(a8, b0, c80);
            c81 = TLanes.MultiplyAdd(a8, b1, c81);
            var a9 = TLanes.Broadcast(a[9]);
            c90 = TLanes.MultiplyAdd(a9, b0, c90);
            c91 = TLanes.MultiplyAdd(a9, b1, c91);
            var aa = TLanes.Broadcast(a[10]);
            ca0 = TLanes.MultiplyAdd(aa, b0, ca0);
            ca1 = TLanes.MultiplyAdd(aa, b1, ca1);
            var ab = TLanes.Broadcast(a[11]);
            cb0 = TLanes.MultiplyAdd(ab, b0, cb0);
            cb1 = TLanes.MultiplyAdd(ab, b1, cb1);
            a += 12;
            b += 2 * lanes;
        }

        if (accumulate)
        {
            Add<TVector, TLanes>(c, c00, c01);
            Add<TVector, TLanes>(c + stride, c10, c11);
            Add<TVector, TLanes>(c + 2 * stride, c20, c21);
            Add<TVector, TLanes>(c + 3 * stride, c30, c31);
            Add<TVector, TLanes>(c + 4 * stride, c40, c41);
            Add<TVector, TLanes>(c + 5 * stride, c50, c51);
            Add<TVector, TLanes>(c + 6 * stride, c60, c61);
            Add<TVector, TLanes>(c + 7 * stride, c70, c71);
            Add<TVector, TLanes>(c + 8 * stride, c80, c81);
            Add<TVector, TLanes>(c + 9 * stride, c90, c91);
            Add<TVector, TLanes>(c + 10 * stride, ca0, ca1);
            Add<TVector, TLanes>(c + 11 * stride, cb0, cb1);
            return;
        }

        Put<TVector, TLanes>(c, c00, c01);
        Put<TVector, TLanes>(c + stride, c10, c11);
        Put<TVector, TLanes>(c + 2 * stride, c20, c21);
        Put<TVector, TLanes>(c + 3 * stride, c30, c31);
        Put<TVector, TLanes>(c + 4 * stride, c40, c41);
        Put<TVector, TLanes>(c + 5 * stride, c50, c51);
        Put<TVector, TLanes>(c + 6 * stride, c60, c61);
        Put<TVector, TLanes>(c + 7 * stride, c70, c71);
        Put<TVector, TLanes>(c + 8 * stride, c80, c81);
        Put<TVector, TLanes>(c + 9 * stride, c90, c91);
        Put<TVector, TLanes>(c + 10 * stride, ca0, ca1);
        Put<TVector, TLanes>(c + 11 * stride, cb0, cb1);
    }

    /// <summary>4 rows by 2 vectors: the last rows beside <see cref="TwelveByTwo"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByTwo<TVector, TLanes>(nint depth, float* a, float* b, float* c, nint stride, bool accumulate)
        where TVector : struct
        where TLanes : struct, ILanes<TVector>
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
            Add<TVector, TLanes>(c, c00, c01);
            Add<TVector, TLanes>(c + stride, c10, c11);
            Add<TVector, TLanes>(c + 2 * stride, c20, c21);
            Add<TVector, TLanes>(c + 3 * stride, c30, c31);
            return;
        }

        Put<TVector, TLanes>(c, c00, c01);
        Put<TVector, TLanes>(c + stride, c10, c11);
        Put<TVector, TLanes>(c + 2 * stride, c20, c21);
        Put<TVector, TLanes>(c + 3 * stride, c30, c31);
    }

    /// <summary>4 rows by 3 vectors: 12 accumulators, for machines with 16 vector registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByThree<TVector, TLanes>(nint depth, float* a, float* b, float* c, nint stride, bool accumulate)
        where TVector : struct
        where TLanes : struct, ILanes<TVector>
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
            Add<TVector, TLanes>(c, c00, c01, c02);
            Add<TVector, TLanes>(c + stride, c10, c11, c12);
            Add<TVector, TLanes>(c + 2 * stride, c20, c21, c22);
            Add<TVector, TLanes>(c + 3 * stride, c30, c31, c32);
            return;
        }

        Put<TVector, TLanes>(c, c00, c01, c02);
        Put<TVector, TLanes>(c + stride, c10, c11, c12);
        Put<TVector, TLanes>(c + 2 * stride, c20, c21, c22);
        Put<TVector, TLanes>(c + 3 * stride, c30, c31, c32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TVector, TLanes>(float* c, TVector v0, TVector v1)
        where TVector : struct
        where TLanes : struct, ILanes<TVector>
    {
        TLanes.Store(v0, c);
        TLanes.Store(v1, c + TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TVector, TLanes>(float* c, TVector v0, TVector v1)
        where TVector : struct
        where TLanes : struct, ILanes<TVector>
    {
        TLanes.Store(TLanes.Add(TLanes.Load(c), v0), c);
        TLanes.Store(TLanes.Add(TLanes.Load(c + TLanes.Count), v1), c + TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TVector, TLanes>(float* c, TVector v0, TVector v1, TVector v2)
        where TVector : struct
        where TLanes : struct, ILanes<TVector>
    {
        TLanes.Store(v0, c);
        TLanes.Store(v1, c + TLanes.Count);
        TLanes.Store(v2, c + 2 * TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TVector, TLanes>(float* c, TVector v0, TVector v1, TVector v2)
        where TVector : struct
        where TLanes : struct, ILanes<TVector>
    {
        TLanes.Store(TLanes.Add(TLanes.Load(c), v0), c);
        TLanes.Store(TLanes.Add(TLanes.Load(c + TLanes.Count), v1), c + TLanes.Count);
        TLanes.Store(TLanes.Add(TLanes.Load(c + 2 * TLanes.Count), v2), c + 2 * TLanes.Count);
    }
}
