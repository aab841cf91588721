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

    private const int LargestDepthBlock = 384;

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
            Dispatch(Operands(a.Columns, pa, a, false, b, true, pc, c, accumulate, threads));
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
            Dispatch(Operands(a.Columns, pa, a, false, b, false, pc, c, accumulate, threads));
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
            Dispatch(Operands(a.Rows, pa, a, true, weight, false, pc, c, accumulate, threads));
        }
    }

    /// <summary>Runs a product on the widest registers that this machine has, streaming or packing by the number of rows.</summary>
    private static void Dispatch(in ProductOperands<float, WeightMatrix> product)
    {
        if (Vector512.IsHardwareAccelerated)
            Run<Vector512<float>, Lanes512, TallTile<float, Vector512<float>, Lanes512>>(product);
        else if (Vector256.IsHardwareAccelerated)
            Run<Vector256<float>, Lanes256, WideTile<float, Vector256<float>, Lanes256>>(product);
        else
            Run<Vector128<float>, Lanes128, WideTile<float, Vector128<float>, Lanes128>>(product);
    }

    /// <summary>Runs a product on registers of a given width.</summary>
    internal static void Run<TVector, TLanes, TTile>(in ProductOperands<float, WeightMatrix> product)
        where TVector : struct
        where TLanes : struct, IWeightLanes<TVector>
        where TTile : struct, ITileShape<float>
    {
        if (product.IsDone())
            return;
        if (product.Rows <= FewRows && !product.TransposedA)
            StreamedProduct<TVector, TLanes>.Run(product);
        else
            PackedProduct<float, WeightMatrix, TTile>.Run(product);
    }

    private static ProductOperands<float, WeightMatrix> Operands(
        int depth,
        float* pa,
        MatrixView a,
        bool transposedA,
        WeightMatrix b,
        bool transposedB,
        float* pc,
        MatrixView c,
        bool accumulate,
        int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        return new ProductOperands<float, WeightMatrix>
        {
            Rows = c.Rows,
            Columns = c.Columns,
            Depth = depth,
            DepthBlock = DepthBlock(depth),
            A = new WeightMatrix(pa, WeightFormat.Float32, a.Rows, a.Columns, a.Stride),
            TransposedA = transposedA,
            B = b,
            TransposedB = transposedB,
            C = pc,
            StrideC = c.Stride,
            Accumulate = accumulate,
            Factor = 1,
            Threads = threads,
        };
    }

    /// <summary>The parts of a reduction of a length: as even as multiples of 8 are.</summary>
    internal static int DepthBlock(int depth) => depth == 0 ? 1 : Blocks.Even(depth, LargestDepthBlock, 8);

    private static void Check(bool fits, MatrixView a, WeightMatrix b, MatrixView c, string product)
    {
        if (!fits)
            throw new ArgumentException(
                $"c[{c.Rows},{c.Columns}] = {product} does not fit a[{a.Rows},{a.Columns}] and b[{b.Rows},{b.Columns}].");
    }
}
