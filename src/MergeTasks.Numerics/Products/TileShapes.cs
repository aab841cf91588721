using System.Numerics;

namespace MergeTasks.Numerics.Products;

/// <summary>The register tile that a packed product is built on: its extent in C and its kernels.</summary>
internal unsafe interface ITileShape<TElement>
    where TElement : unmanaged
{
    /// <summary>Rows of a full tile, a multiple of 4.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of every tile.</summary>
    static abstract int Columns { get; }

    /// <summary>Computes <see cref="Rows"/> rows.</summary>
    static abstract void Full(nint depth, TElement* a, TElement* b, TElement* c, nint stride, bool accumulate);

    /// <summary>Computes 4 rows.</summary>
    static abstract void FourRows(nint depth, TElement* a, TElement* b, TElement* c, nint stride, bool accumulate);

    /// <summary>Puts a computed tile, or its part within C, in C's place, or adds its multiple there.</summary>
    static abstract void Put(TElement* tile, TElement* c, nint stride, int rows, int columns, TElement factor, bool accumulate);
}

/// <summary>24 rows by 2 vectors in two passes over the panel of A, for AVX-512.</summary>
internal readonly unsafe struct TallTile<TElement, TVector, TLanes> : ITileShape<TElement>
    where TElement : unmanaged, IFloatingPointIeee754<TElement>
    where TVector : struct
    where TLanes : struct, ILanes<TElement, TVector>
{
    public static int Rows => 24;

    public static int Columns => 2 * TLanes.Count;

    public static void Full(nint depth, TElement* a, TElement* b, TElement* c, nint stride, bool accumulate)
    {
        RegisterTiles.TwentyFourByOne<TElement, TVector, TLanes>(depth, a, b, Columns, c, stride, accumulate);
        RegisterTiles.TwentyFourByOne<TElement, TVector, TLanes>(
            depth, a, b + TLanes.Count, Columns, c + TLanes.Count, stride, accumulate);
    }

    public static void FourRows(nint depth, TElement* a, TElement* b, TElement* c, nint stride, bool accumulate) =>
        RegisterTiles.FourByTwo<TElement, TVector, TLanes>(depth, a, b, c, stride, accumulate);

    public static void Put(TElement* tile, TElement* c, nint stride, int rows, int columns, TElement factor, bool accumulate) =>
        RegisterTiles.Put<TElement, TVector, TLanes>(tile, Columns, c, stride, rows, columns, factor, accumulate);
}

/// <summary>4 rows by 3 vectors, for AVX2 with FMA, Arm64 and whatever else there is.</summary>
internal readonly unsafe struct WideTile<TElement, TVector, TLanes> : ITileShape<TElement>
    where TElement : unmanaged, IFloatingPointIeee754<TElement>
    where TVector : struct
    where TLanes : struct, ILanes<TElement, TVector>
{
    public static int Rows => 4;

    public static int Columns => 3 * TLanes.Count;

    public static void Full(nint depth, TElement* a, TElement* b, TElement* c, nint stride, bool accumulate) =>
        RegisterTiles.FourByThree<TElement, TVector, TLanes>(depth, a, b, c, stride, accumulate);

    public static void FourRows(nint depth, TElement* a, TElement* b, TElement* c, nint stride, bool accumulate) =>
        Full(depth, a, b, c, stride, accumulate);

    public static void Put(TElement* tile, TElement* c, nint stride, int rows, int columns, TElement factor, bool accumulate) =>
        RegisterTiles.Put<TElement, TVector, TLanes>(tile, Columns, c, stride, rows, columns, factor, accumulate);
}
