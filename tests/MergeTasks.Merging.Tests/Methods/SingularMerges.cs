using MergeTasks.Merging.Tests.Numerics;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>
/// TSV-M on matrices that are hard for a singular value decomposition, beside the formula in double precision with Jacobi's eigenvalue
/// method. What may differ is 2e-6 of the largest element: rounding to fp32, ten times over where directions of the models are close to
/// each other.
/// </summary>
public sealed class SingularMerges
{
    private const double Tolerance = 2e-6;

    public static TheoryData<string> Arithmetic => [.. Arithmetics.Names];

    public static TheoryData<string, int, int> Shapes
    {
        get
        {
            var shapes = new TheoryData<string, int, int>();
            foreach (var name in Arithmetics.Names)
            {
                foreach (var (rows, columns) in new[] { (1, 1), (1, 40), (40, 1), (2, 3), (48, 48), (48, 61), (130, 35), (7, 2100) })
                    shapes.Add(name, rows, columns);
            }

            return shapes;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Any_shape(string arithmetic, int rows, int columns) =>
        Check(arithmetic, rows, columns, [.. Enumerable.Range(0, 3).Select(model => Arithmetics.Random(model, rows, columns, 0.02))]);

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void Any_scale(string arithmetic)
    {
        foreach (var size in new[] { 1e-30, 1e-12, 1e12, 1e30 })
            Check(arithmetic, 30, 20, [.. Enumerable.Range(0, 2).Select(model => Arithmetics.Random(model, 30, 20, size))]);

        // One model's changes are far larger than the other's.
        Check(arithmetic, 30, 20, [Arithmetics.Random(1, 30, 20, 1e-9), Arithmetics.Random(2, 30, 20, 1e3)]);
    }

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void Low_ranks_and_nothing(string arithmetic)
    {
        Check(arithmetic, 33, 50, [new float[33 * 50], new float[33 * 50]]);
        Check(arithmetic, 33, 50, [new float[33 * 50], Arithmetics.Random(1, 33, 50)]);
        Check(arithmetic, 33, 50, [OfRank(1, 1, 33, 50), OfRank(2, 1, 33, 50), OfRank(3, 1, 33, 50)]);
        Check(arithmetic, 50, 33, [OfRank(4, 3, 50, 33), Arithmetics.Random(1, 50, 33)]);
    }

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void Equal_singular_values_and_equal_models(string arithmetic)
    {
        // A Hadamard matrix: all its singular values are the same, and all are kept where there is one model.
        float[] hadamard = [.. Enumerable.Range(0, 32 * 32).Select(i => int.PopCount(i / 32 & i % 32) % 2 == 0 ? 0.5f : -0.5f)];
        Check(arithmetic, 32, 32, [hadamard]);
        var change = Arithmetics.Random(5, 24, 31);
        Check(arithmetic, 24, 31, [change, change]);
        Check(arithmetic, 24, 31, [change, [.. change.Select(value => 3 * value)], Arithmetics.Random(6, 24, 31)]);
    }

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void Singular_values_that_fall_far(string arithmetic)
    {
        // Row by row to a half, down to 2⁻²⁰ of the largest: far below what matters, the products' rounding shows.
        float[] Falling(int seed, int every) =>
            [.. Arithmetics.Random(seed, 21, 40).Select((value, i) => value * MathF.ScaleB(1, -(i / 40 / every)))];
        Check(arithmetic, 21, 40, [Falling(1, 2), Falling(2, 2)]);
        Check(arithmetic, 21, 40, [Falling(1, 1), Falling(2, 1)], 2e-5);
    }

    // Zeros as the base, so that differences are exact.
    private static void Check(string arithmetic, int rows, int columns, float[][] deltas, double tolerance = Tolerance)
    {
        TensorInput[] inputs = [
            .. deltas.Select((_, i) => new TensorInput(i, false, new Dictionary<string, double>())),
            new(deltas.Length, true, new Dictionary<string, double>())
        ];
        var context = new TensorContext(
            "w", [rows, columns], inputs, new Dictionary<string, double> { ["lambda"] = 1 })
        { Device = Arithmetics.DeviceOf(arithmetic) };
        var merged = SolvedTensor.Merge("tsv", context, [.. deltas, new float[rows * columns]]);
        var expected = SingularFormulas.Tsv(
            Array.ConvertAll(deltas, delta => Array.ConvertAll(delta, value => (double)value)), [rows, columns], 1);
        var largest = expected.Max(Math.Abs);
        for (var i = 0; i < merged.Length; i++)
            Assert.True(
                Math.Abs(expected[i] - merged[i]) <= tolerance * largest,
                $"[{rows}, {columns}] element {i}: {merged[i]:R}, exact {expected[i]:R}, largest {largest:R}");
    }

    private static float[] OfRank(int seed, int rank, int rows, int columns)
    {
        float[] left = Arithmetics.Random(seed, rows, rank), right = Arithmetics.Random(seed + 100, rank, columns);
        return [
            .. Enumerable.Range(0, rows * columns)
                .Select(i =>
                    Enumerable.Range(0, rank)
                        .Sum(k =>
                            MathF.Round(left[(i / columns * rank) + k] * 64) * MathF.Round(right[(k * columns) + (i % columns)] * 64)))
        ];
    }
}
