using System.Runtime.Intrinsics;

namespace MergeTasks.Numerics.Products;

/// <summary>
/// fp32 matrix products in the three layouts of a linear layer y = x · Wᵀ: its forward pass and both halves of its backward pass. A
/// weight may be bf16 or fp16 in memory; it is widened exactly while it is read.
/// </summary>
/// <remarks>
/// The same operands give the same bits on one machine for any number of threads. With <c>accumulate</c> the product is added to what C
/// holds (a bias copied into each row, a residual, a gradient so far); otherwise C is overwritten. C must not overlap an operand.
/// </remarks>
internal static unsafe class MatrixProduct
{
    /// <summary>Up to this many rows the weight is streamed instead of packed.</summary>
    public const int FewRows = 16;

    /// <summary>c[m, n] (+)= a[m, k] · b[n, k]ᵀ: forward.</summary>
    /// <param name="a">m rows of k elements.</param>
    /// <param name="b">n rows of k elements.</param>
    /// <param name="c">m rows of n elements.</param>
    /// <param name="accumulate">Add to <paramref name="c"/>.</param>
    /// <param name="threads">Most threads to use.</param>
    /// <exception cref="ArgumentException">The sizes do not fit together.</exception>
    public static void TimesTransposed(MatrixView a, WeightMatrix b, MatrixView c, bool accumulate = false, int threads = 1)
    {
        Check(c.Rows == a.Rows && c.Columns == b.Rows && a.Columns == b.Columns, a, b, c, "a[m,k] · b[n,k]ᵀ");
        fixed (float* pa = a.Data, pc = c.Data)
            Dispatch(Operands(a.Columns, pa, a.Stride, false, b, true, pc, c, accumulate, threads));
    }

    /// <inheritdoc cref="TimesTransposed(MatrixView, WeightMatrix, MatrixView, bool, int)"/>
    public static void TimesTransposed(MatrixView a, MatrixView b, MatrixView c, bool accumulate = false, int threads = 1)
    {
        fixed (float* pb = b.Data)
            TimesTransposed(a, new WeightMatrix(pb, WeightFormat.Float32, b.Rows, b.Columns, b.Stride), c, accumulate, threads);
    }

    /// <summary>c[m, n] (+)= a[m, k] · b[k, n]: the gradient of a linear layer's input, dx = dy · W.</summary>
    /// <param name="a">m rows of k elements.</param>
    /// <param name="b">k rows of n elements.</param>
    /// <param name="c">m rows of n elements.</param>
    /// <param name="accumulate">Add to <paramref name="c"/>.</param>
    /// <param name="threads">Most threads to use.</param>
    /// <exception cref="ArgumentException">The sizes do not fit together.</exception>
    public static void Times(MatrixView a, WeightMatrix b, MatrixView c, bool accumulate = false, int threads = 1)
    {
        Check(c.Rows == a.Rows && c.Columns == b.Columns && a.Columns == b.Rows, a, b, c, "a[m,k] · b[k,n]");
        fixed (float* pa = a.Data, pc = c.Data)
            Dispatch(Operands(a.Columns, pa, a.Stride, false, b, false, pc, c, accumulate, threads));
    }

    /// <inheritdoc cref="Times(MatrixView, WeightMatrix, MatrixView, bool, int)"/>
    public static void Times(MatrixView a, MatrixView b, MatrixView c, bool accumulate = false, int threads = 1)
    {
        fixed (float* pb = b.Data)
            Times(a, new WeightMatrix(pb, WeightFormat.Float32, b.Rows, b.Columns, b.Stride), c, accumulate, threads);
    }

    /// <summary>c[m, n] (+)= a[k, m]ᵀ · b[k, n]: the gradient of a linear layer's weight, dW = dyᵀ · x.</summary>
    /// <param name="a">k rows of m elements.</param>
    /// <param name="b">k rows of n elements.</param>
    /// <param name="c">m rows of n elements.</param>
    /// <param name="accumulate">Add to <paramref name="c"/>.</param>
    /// <param name="threads">Most threads to use.</param>
    /// <exception cref="ArgumentException">The sizes do not fit together.</exception>
    public static void TransposedTimes(MatrixView a, MatrixView b, MatrixView c, bool accumulate = false, int threads = 1)
    {
        fixed (float* pa = a.Data, pb = b.Data, pc = c.Data)
        {
            var weight = new WeightMatrix(pb, WeightFormat.Float32, b.Rows, b.Columns, b.Stride);
            Check(c.Rows == a.Columns && c.Columns == b.Columns && a.Rows == b.Rows, a, weight, c, "a[k,m]ᵀ · b[k,n]");
            Dispatch(Operands(a.Rows, pa, a.Stride, true, weight, false, pc, c, accumulate, threads));
        }
    }

    /// <summary>Runs a product on the widest registers that this machine has, streaming or packing by the number of rows.</summary>
    private static void Dispatch(in ProductOperands product)
    {
        if (Vector512.IsHardwareAccelerated)
            Run<Vector512<float>, Lanes512, Tile512>(product);
        else if (Vector256.IsHardwareAccelerated)
            Run<Vector256<float>, Lanes256, Tile256>(product);
        else
            Run<Vector128<float>, Lanes128, Tile128>(product);
    }

    /// <summary>Runs a product on registers of a given width.</summary>
    internal static void Run<TVector, TLanes, TTile>(in ProductOperands product)
        where TVector : struct
        where TLanes : struct, IWeightLanes<TVector>
        where TTile : struct, ITileShape
    {
        if (product.Rows == 0 || product.Columns == 0)
            return;
        if (product.Depth == 0)
            ClearUnlessAccumulating(product);
        else if (product.Rows <= FewRows && !product.TransposedA)
            StreamedProduct<TVector, TLanes>.Run(product);
        else
            PackedProduct<TTile>.Run(product);
    }

    private static void ClearUnlessAccumulating(in ProductOperands product)
    {
        for (var row = 0; row < product.Rows && !product.Accumulate; row++)
            new Span<float>(product.C + row * product.StrideC, product.Columns).Clear();
    }

    private static ProductOperands Operands(
        int depth,
        float* pa,
        int strideA,
        bool transposedA,
        WeightMatrix b,
        bool transposedB,
        float* pc,
        MatrixView c,
        bool accumulate,
        int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        return new ProductOperands
        {
            Rows = c.Rows,
            Columns = c.Columns,
            Depth = depth,
            A = pa,
            StrideA = strideA,
            TransposedA = transposedA,
            B = b,
            TransposedB = transposedB,
            C = pc,
            StrideC = c.Stride,
            Accumulate = accumulate,
            Threads = threads,
        };
    }

    private static void Check(bool fits, MatrixView a, WeightMatrix b, MatrixView c, string product)
    {
        if (!fits)
            throw new ArgumentException(
                $"c[{c.Rows},{c.Columns}] = {product} does not fit a[{a.Rows},{a.Columns}] and b[{b.Rows},{b.Columns}].");
    }
}
