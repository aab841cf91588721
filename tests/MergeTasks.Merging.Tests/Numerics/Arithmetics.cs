using MergeTasks.Numerics.Algebra;
using MergeTasks.TestSupport;
#if WITH_TORCH
using MergeTasks.Torch.Arithmetic;
using MergeTasks.Transformers.Engine;
#endif

namespace MergeTasks.Merging.Tests.Numerics;

/// <summary>The places where methods on whole matrices compute, for tests that hold in all of them.</summary>
internal static class Arithmetics
{
#if WITH_TORCH
    public static string[] Names => ["processor", "torch"];

    private static readonly TorchMatrixDevice Torch = new(new DeviceOptions { Threads = 2 });
#else
    public static string[] Names => ["processor"];
#endif

    public static IMatrixArithmetic Of(string name, int threads = 2) =>
        DeviceOf(name)?.Begin(CancellationToken.None) ?? new ProcessorMatrices(threads, CancellationToken.None);

    /// <summary>What a merge is handed to compute there; <see langword="null"/> for the processor.</summary>
    public static IMatrixDevice? DeviceOf(string name) => name switch
    {
        "processor" => null,
#if WITH_TORCH
        "torch" => Torch,
#endif
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    /// <summary>[rows, columns] of random numbers, row by row.</summary>
    public static float[] Random(int seed, int rows, int columns, double size = 1) =>
        [.. RandomTensors.Normal(seed, rows * columns, size).Select(value => (float)value)];

    /// <summary>A matrix's elements, as precisely as it hands them out.</summary>
    public static float[] Read(this IMatrixArithmetic arithmetic, IMatrix matrix)
    {
        var values = new float[matrix.Rows * matrix.Columns];
        arithmetic.Store(matrix, values);
        return values;
    }
}
