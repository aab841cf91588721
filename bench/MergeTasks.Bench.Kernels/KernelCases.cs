using System.Runtime.InteropServices;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Gguf.Quantization;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Methods.Random;
using MergeTasks.Methods.Selecting;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Products;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Statistics;

namespace MergeTasks.Bench.Kernels;

/// <summary>The kernels that are written for vectors, on data that stay in the first- or second-level cache, as they do in use.</summary>
internal static class KernelCases
{
    private const int Count = TensorMerge.BlockLength;
    private const int Models = 3;
    private const int Matrix = 256;

    /// <summary>Name, what a call's time is divided by, and the call.</summary>
    public static IEnumerable<(string Name, double Elements, Action Run)> All() =>
        [.. Elements(), .. Merging(), .. Engine(), .. Matrices()];

    private static IEnumerable<(string, double, Action)> Elements()
    {
        var values = Random(Count, 1);
        var (bytes, back) = (new byte[2 * Count], new float[Count]);
        foreach (var type in new[] { DType.BF16, DType.F16 })
        {
            yield return ($"{type} from fp32", Count, () => ElementConversion.FromSingle(type, values, bytes));
            yield return ($"{type} to fp32", Count, () => ElementConversion.ToSingle(type, bytes, back));
        }

        yield return ("rounding to bf16", Count, () => BFloat16.Round(values));
        var sums = new FourthOrderSums();
        yield return ("checksum, per 32-bit word", Count / 2, () => sums.Append(bytes));
    }

    private static IEnumerable<(string, double, Action)> Merging()
    {
        var (a, b, sum) = (Random(Count, 2), Random(Count, 3), new float[Count]);
        var deltas = Random(Models * MergeBlock.BufferStride, 4);
        float[] ones = [1, 1, 1];
        yield return ("subtract", Count, () => BlockMath.Subtract(sum, b));
        yield return ("add product", Count, () => BlockMath.AddProduct(sum, a, 0.3f));
        yield return ("finite?", Count, () => BlockMath.AreFinite(a));
        yield return ("add agreeing", Count, () => BlockMath.AddAgreeing(a, b, 0, sum, sum));
        yield return ("elect and add, 3 models", Count, () => BlockMath.ElectAndAdd(a, deltas, ones, 0, ones, ones, true, 1, sum));
        yield return ("squares and product", Count, () => BlockSums.SquaresAndProduct(a, b));
        yield return ("product in fp64", Count, () => BlockSums.Product(a, b));
        yield return ("magnitudes", Count, () => BlockSums.Magnitudes(a));
        var limit = BitConverter.SingleToUInt32Bits(0.2f);
        var found = new uint[Count];
        yield return ("count magnitudes", Count, () => MagnitudeBits.Count(a, limit));
        yield return ("collect magnitudes", Count, () => MagnitudeBits.CollectBetween(a, limit, limit + 40_000, found));
        yield return ("keep magnitudes", Count, () => MagnitudeBits.KeepFrom(sum, limit));
        var kept = new ulong[Count / Philox.Group];
        var philox = new Philox(1, 2);
        yield return ("random mask", Count, () => philox.Keep(0, 0.7f, kept));
        yield return ("apply mask", Count, () => KeptBits.Apply(kept, sum));
    }

    private static IEnumerable<(string, double, Action)> Engine()
    {
        var (x, h, dx) = (Random(Count, 5), new float[Count], new float[Count]);
        yield return ("sum in fp32", Count, () => Reductions.Sum(x));
        yield return ("dot in fp32", Count, () => Reductions.Dot(x, dx));
        foreach (var kind in new[] { ActivationKind.Silu, ActivationKind.Gelu })
        {
            var function = ActivationFunction.Of(kind);
            yield return ($"{kind}, gate", Count, () => function.Gate(x, x, h));
            yield return ($"{kind}, gate backward", Count, () => function.GateBackward(x, x, h, dx, dx));
        }

        var rotation = new Rotation(new RopeSpec([.. Enumerable.Range(0, 64).Select(pair => Math.Pow(10000, -pair / 64.0))]), 4);
        yield return ("rotation", 128, () => rotation.Apply(h.AsSpan(0, 128), 2));
        var channels = new ChannelSums(Count / 4);
        yield return ("sums per channel", Count, () => channels.Add(x));
        yield return ("scale search, K-quants", 32, () => ScaleSearch.WithMinimum(x.AsSpan(0, 32), 15));
    }

    private static IEnumerable<(string, double, Action)> Matrices()
    {
        var (a, b) = (new double[Count], new double[Count]);
        yield return ("fp64 dot", Count, () => DenseVectors.Dot(a, b));
        yield return ("fp64 add product", Count, () => DenseVectors.AddProduct(a, b, 0.5));
        var (left, right, product) = (new DenseMatrix(Matrix, Matrix), new DenseMatrix(Matrix, Matrix), new DenseMatrix(Matrix, Matrix));
        var dense = new DenseProduct(new MatrixWork(1, CancellationToken.None));
        yield return ("fp64 product", Math.Pow(Matrix, 3), () => dense.Multiply(left.Whole, right.Whole, product.Whole));
        yield return ("rotation sweeps", Matrix * Matrix * 64, () => Rotate(Matrix, 64));
        var (weight, rows, result) = (Random(Matrix * Matrix, 6), Random(Matrix * Matrix, 7), new float[Matrix * Matrix]);
        yield return ("fp32 product", Math.Pow(Matrix, 3), () =>
            MatrixProduct.TimesTransposed(View(rows, Matrix), View(weight, Matrix), View(result, Matrix)));
        yield return ("fp32 product, 4 rows", 4 * Matrix * Matrix, () =>
            MatrixProduct.TimesTransposed(View(rows, 4), View(weight, Matrix), View(result, 4)));
        var half = GC.AllocateArray<ushort>(Matrix * Matrix, pinned: true);
        yield return ("fp32 product, bf16 weights", Math.Pow(Matrix, 3), () => TimesHalf(rows, half, result));
    }

    private static unsafe void TimesHalf(float[] rows, ushort[] half, float[] result)
    {
        fixed (ushort* data = half)
            MatrixProduct.TimesTransposed(
                View(rows, Matrix), new WeightMatrix(data, WeightFormat.BFloat16, Matrix, Matrix), View(result, Matrix));
    }

    private static MatrixView View(float[] values, int rows) => new(values.AsSpan(0, rows * Matrix), rows, Matrix);

    private static void Rotate(int size, int sweeps)
    {
        var rotations = new RotationSweeps(size, new MatrixWork(1, CancellationToken.None));
        for (var sweep = 0; sweep < sweeps; sweep++)
        {
            rotations.Begin(size - 1);
            for (var i = 1; i < size; i++)
                rotations.Add(0.8, 0.6);
        }

        rotations.Columns([0]);
    }

    private static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }
}
