using System.Runtime.Intrinsics;

namespace MergeTasks.Transformers.Numerics;

/// <summary>The register tile that a packed product is built on: its extent in C and its two kernels.</summary>
internal unsafe interface ITileShape
{
    /// <summary>Rows of a full tile, a multiple of 4.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of every tile.</summary>
    static abstract int Columns { get; }

    /// <summary>Computes <see cref="Rows"/> rows.</summary>
    static abstract void Full(nint depth, float* a, float* b, float* c, nint stride, bool accumulate);

    /// <summary>Computes 4 rows.</summary>
    static abstract void FourRows(nint depth, float* a, float* b, float* c, nint stride, bool accumulate);
}

/// <summary>12 × 32, AVX-512.</summary>
internal readonly unsafe struct Tile512 : ITileShape
{
    public static int Rows => 12;

    public static int Columns => 32;

    public static void Full(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        RegisterTiles.TwelveByTwo<Vector512<float>, Lanes512>(depth, a, b, c, stride, accumulate);

    public static void FourRows(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        RegisterTiles.FourByTwo<Vector512<float>, Lanes512>(depth, a, b, c, stride, accumulate);
}

/// <summary>4 × 24, AVX2 with FMA.</summary>
internal readonly unsafe struct Tile256 : ITileShape
{
    public static int Rows => 4;

    public static int Columns => 24;

    public static void Full(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        RegisterTiles.FourByThree<Vector256<float>, Lanes256>(depth, a, b, c, stride, accumulate);

    public static void FourRows(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        Full(depth, a, b, c, stride, accumulate);
}

/// <summary>12 × 8, Arm64 (32 registers of 128 bits) and whatever else there is.</summary>
internal readonly unsafe struct Tile128 : ITileShape
{
    public static int Rows => 12;

    public static int Columns => 8;

    public static void Full(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        RegisterTiles.TwelveByTwo<Vector128<float>, Lanes128>(depth, a, b, c, stride, accumulate);

    public static void FourRows(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        RegisterTiles.FourByTwo<Vector128<float>, Lanes128>(depth, a, b, c, stride, accumulate);
}
