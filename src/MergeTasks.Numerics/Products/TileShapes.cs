using System.Runtime.Intrinsics;

namespace MergeTasks.Numerics.Products;

/// <summary>The register tile that a packed product is built on: its extent in C and its kernel.</summary>
internal unsafe interface ITileShape<TElement>
    where TElement : unmanaged
{
    /// <summary>Rows of a full tile, a multiple of 4.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of every tile.</summary>
    static abstract int Columns { get; }

    /// <summary>Computes <see cref="Rows"/> rows.</summary>
    static abstract void Full(nint depth, TElement* a, TElement* b, TElement* c, nint stride, bool accumulate);
}

/// <summary>A tile of fp32, which has a second kernel for what is left of the rows.</summary>
internal unsafe interface ITileShape : ITileShape<float>
{
    /// <summary>Computes 4 rows.</summary>
    static abstract void FourRows(nint depth, float* a, float* b, float* c, nint stride, bool accumulate);
}

/// <summary>24 × 32 in two passes over the panel of A, AVX-512.</summary>
internal readonly unsafe struct Tile512 : ITileShape
{
    public static int Rows => 24;

    public static int Columns => 32;

    public static void Full(nint depth, float* a, float* b, float* c, nint stride, bool accumulate)
    {
        RegisterTiles.TwentyFourByOne<float, Vector512<float>, Lanes512>(depth, a, b, Columns, c, stride, accumulate);
        RegisterTiles.TwentyFourByOne<float, Vector512<float>, Lanes512>(depth, a, b + 16, Columns, c + 16, stride, accumulate);
    }

    public static void FourRows(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        RegisterTiles.FourByTwo<Vector512<float>, Lanes512>(depth, a, b, c, stride, accumulate);
}

/// <summary>4 × 24, AVX2 with FMA.</summary>
internal readonly unsafe struct Tile256 : ITileShape
{
    public static int Rows => 4;

    public static int Columns => 24;

    public static void Full(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        RegisterTiles.FourByThree<float, Vector256<float>, Lanes256>(depth, a, b, c, stride, accumulate);

    public static void FourRows(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        Full(depth, a, b, c, stride, accumulate);
}

/// <summary>4 × 12, Arm64 and whatever else there is.</summary>
internal readonly unsafe struct Tile128 : ITileShape
{
    public static int Rows => 4;

    public static int Columns => 12;

    public static void Full(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        RegisterTiles.FourByThree<float, Vector128<float>, Lanes128>(depth, a, b, c, stride, accumulate);

    public static void FourRows(nint depth, float* a, float* b, float* c, nint stride, bool accumulate) =>
        Full(depth, a, b, c, stride, accumulate);
}

/// <summary>24 × 8, AVX-512.</summary>
internal readonly unsafe struct DoubleTile512 : ITileShape<double>
{
    public static int Rows => 24;

    public static int Columns => 8;

    public static void Full(nint depth, double* a, double* b, double* c, nint stride, bool accumulate) =>
        RegisterTiles.TwentyFourByOne<double, Vector512<double>, Doubles512>(depth, a, b, Columns, c, stride, accumulate);
}

/// <summary>4 × 12, AVX2 with FMA.</summary>
internal readonly unsafe struct DoubleTile256 : ITileShape<double>
{
    public static int Rows => 4;

    public static int Columns => 12;

    public static void Full(nint depth, double* a, double* b, double* c, nint stride, bool accumulate) =>
        RegisterTiles.FourByThree<double, Vector256<double>, Doubles256>(depth, a, b, c, stride, accumulate);
}

/// <summary>4 × 6, Arm64 and whatever else there is.</summary>
internal readonly unsafe struct DoubleTile128 : ITileShape<double>
{
    public static int Rows => 4;

    public static int Columns => 6;

    public static void Full(nint depth, double* a, double* b, double* c, nint stride, bool accumulate) =>
        RegisterTiles.FourByThree<double, Vector128<double>, Doubles128>(depth, a, b, c, stride, accumulate);
}
