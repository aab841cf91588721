using MergeTasks.Merging.Numerics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Numerics;

/// <summary>The places where methods on whole matrices compute, for tests that hold in all of them.</summary>
internal static class Arithmetics
{
    public static string[] Names => ["processor"];

    public static IMatrixArithmetic Of(string name, int threads = 2) => name switch
    {
        "processor" => new ProcessorMatrices(threads, CancellationToken.None),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    /// <summary>What a merge is handed to compute there.</summary>
    public static IMatrixDevice? DeviceOf(string name) => name switch
    {
        "processor" => null,
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    /// <summary>[rows, columns] of random numbers, row by row.</summary>
    public static float[] Random(int seed, int rows, int columns, double size = 1) => [.. RandomTensors.Normal(seed, rows * columns, size).Select(value => (float)value)];

    /// <summary>A matrix's elements, as precisely as it hands them out.</summary>
    public static float[] Read(this IMatrixArithmetic arithmetic, IMatrix matrix)
    {
        var values = new float[matrix.Rows * matrix.Columns];
        arithmetic.Store(matrix, values);
        return values;
    }
}
