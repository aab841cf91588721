using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Numerics.Algebra;

/// <summary>
/// The innermost part of <see cref="DenseProduct"/>: 24 rows by eight columns in registers. Each element is one chain of fused
/// multiply-adds in ascending depth, so it is the same on every machine that has them.
/// </summary>
internal static unsafe class ProductTile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 24;

    /// <summary>Columns of a tile.</summary>
    public const int Columns = 8;

    /// <summary>The product of a panel of rows and a panel of columns.</summary>
    /// <param name="depth">Length of the panels.</param>
    /// <param name="a"><see cref="Rows"/> elements per depth.</param>
    /// <param name="b"><see cref="Columns"/> elements per depth.</param>
    /// <param name="c">Gets the product.</param>
    /// <param name="stride">Elements from one row of <paramref name="c"/> to the next.</param>
    /// <param name="factor">Times this it is added to what is there; <see langword="null"/>: it replaces that.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(int depth, double* a, double* b, double* c, nint stride, double? factor)
    {
        Vector512<double> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
        Vector512<double> c6 = default, c7 = default, c8 = default, c9 = default, c10 = default, c11 = default;
        Vector512<double> c12 = default, c13 = default, c14 = default, c15 = default, c16 = default, c17 = default;
        Vector512<double> c18 = default, c19 = default, c20 = default, c21 = default, c22 = default, c23 = default;
        for (; depth > 0; depth--)
        {
            var row = Vector512.Load(b);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(a[0]), row, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(a[1]), row, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(a[2]), row, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(a[3]), row, c3);
            c4 = Vector512.FusedMultiplyAdd(Vector512.Create(a[4]), row, c4);
            c5 = Vector512.FusedMultiplyAdd(Vector512.Create(a[5]), row, c5);
            c6 = Vector512.FusedMultiplyAdd(Vector512.Create(a[6]), row, c6);
            c7 = Vector512.FusedMultiplyAdd(Vector512.Create(a[7]), row, c7);
            c8 = Vector512.FusedMultiplyAdd(Vector512.Create(a[8]), row, c8);
            c9 = Vector512.FusedMultiplyAdd(Vector512.Create(a[9]), row, c9);
            c10 = Vector512.FusedMultiplyAdd(Vector512.Create(a[10]), row, c10);
            c11 = Vector512.FusedMultiplyAdd(Vector512.Create(a[11]), row, c11);
            c12 = Vector512.FusedMultiplyAdd(Vector512.Create(a[12]), row, c12);
            c13 = Vector512.FusedMultiplyAdd(Vector512.Create(a[13]), row, c13);
            c14 = Vector512.FusedMultiplyAdd(Vector512.Create(a[14]), row, c14);
            c15 = Vector512.FusedMultiplyAdd(Vector512.Create(a[15]), row, c15);
            c16 = Vector512.FusedMultiplyAdd(Vector512.Create(a[16]), row, c16);
            c17 = Vector512.FusedMultiplyAdd(Vector512.Create(a[17]), row, c17);
            c18 = Vector512.FusedMultiplyAdd(Vector512.Create(a[18]), row, c18);
            c19 = Vector512.FusedMultiplyAdd(Vector512.Create(a[19]), row, c19);
            c20 = Vector512.FusedMultiplyAdd(Vector512.Create(a[20]), row, c20);
            c21 = Vector512.FusedMultiplyAdd(Vector512.Create(a[21]), row, c21);
            c22 = Vector512.FusedMultiplyAdd(Vector512.Create(a[22]), row, c22);
            c23 = Vector512.FusedMultiplyAdd(Vector512.Create(a[23]), row, c23);
            a += Rows;
            b += Columns;
        }

        var (isAdded, factors) = (factor.HasValue, Vector512.Create(factor.GetValueOrDefault()));
        Put(c0, c, factors, isAdded);
        Put(c1, c + stride, factors, isAdded);
        Put(c2, c + (2 * stride), factors, isAdded);
        Put(c3, c + (3 * stride), factors, isAdded);
        Put(c4, c + (4 * stride), factors, isAdded);
        Put(c5, c + (5 * stride), factors, isAdded);
        Put(c6, c + (6 * stride), factors, isAdded);
        Put(c7, c + (7 * stride), factors, isAdded);
        Put(c8, c + (8 * stride), factors, isAdded);
        Put(c9, c + (9 * stride), factors, isAdded);
        Put(c10, c + (10 * stride), factors, isAdded);
        Put(c11, c + (11 * stride), factors, isAdded);
        Put(c12, c + (12 * stride), factors, isAdded);
        Put(c13, c + (13 * stride), factors, isAdded);
        Put(c14, c + (14 * stride), factors, isAdded);
        Put(c15, c + (15 * stride), factors, isAdded);
        Put(c16, c + (16 * stride), factors, isAdded);
        Put(c17, c + (17 * stride), factors, isAdded);
        Put(c18, c + (18 * stride), factors, isAdded);
        Put(c19, c + (19 * stride), factors, isAdded);
        Put(c20, c + (20 * stride), factors, isAdded);
        Put(c21, c + (21 * stride), factors, isAdded);
        Put(c22, c + (22 * stride), factors, isAdded);
        Put(c23, c + (23 * stride), factors, isAdded);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector512<double> product, double* c, Vector512<double> factors, bool isAdded) =>
        (isAdded ? Vector512.FusedMultiplyAdd(product, factors, Vector512.Load(c)) : product).Store(c);
}
