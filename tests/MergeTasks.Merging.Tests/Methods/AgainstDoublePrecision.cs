using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>
/// Every method, stored as fp32, bf16 and fp16, on tensors that end in the middle of blocks: one rounding away from exact arithmetic.
/// </summary>
public sealed class AgainstDoublePrecision : IDisposable
{
    // Dyadic, so that a sum of bf16 numbers that is zero is zero in any precision, and elects the same sign.
    private static readonly double[] Weights = [0.625, -0.25, 0.5];

    private readonly MergeWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("F32", 70_001)]
    [InlineData("BF16", 70_001)]
    [InlineData("F16", 1_000)]
    [InlineData("BF16", 1)]
    public void Methods(string dtype, int count)
    {
        var basis = Write("base", dtype, 1, count);
        var models = new[] { Write("a", dtype, 2, count), Write("b", dtype, 3, count), Write("c", dtype, 4, count) };
        Check("linear", dtype, DoublePrecision.Linear(models, Weights), withBase: false);
        Check("linear", dtype, DoublePrecision.Linear(models, Weights, normalize: false), false, ("Normalize", "false"));
        Check("task_arithmetic", dtype, DoublePrecision.TaskArithmetic(basis, models, Weights));
        Check("task_arithmetic", dtype, DoublePrecision.TaskArithmetic(basis, models, Weights, 0.7), true, ("Lambda", "0.7"));
        Check("ties", dtype, DoublePrecision.Ties(basis, models, Weights, 1), true, ("Density", "1"));
        if (count > 1)
        {
            Check("ties", dtype, DoublePrecision.Ties(basis, models, Weights, 0.3), true, ("Density", "0.3"));
            Check(
                "ties",
                dtype,
                DoublePrecision.Ties(basis, models, Weights, 0.3, normalize: false, lambda: 1.5),
                true,
                ("Density", "0.3"),
                ("Normalize", "false"),
                ("Lambda", "1.5"));
        }

        // Nothing is dropped at density 1.
        Check("dare_linear", dtype, DoublePrecision.TaskArithmetic(basis, models, Weights), true, ("Density", "1"));
        Check(
            "dare_ties",
            dtype,
            DoublePrecision.Ties(basis, models, Weights, 1, normalize: false),
            true,
            ("Density", "1"),
            ("Normalize", "false"));
    }

    [Theory]
    [InlineData("F32", 0.02)]
    [InlineData("BF16", 0.02)]
    [InlineData("BF16", 1e-6)]
    public void Slerp_apart_and_nearly_parallel(string dtype, double distance)
    {
        var basis = Write("base", dtype, 1, 40_003);
        var other = Write("a", dtype, 2, 40_003, distance);
        _workspace.Clear();
        _workspace.Merge("m", ("Method", "slerp"), ("Base", "models/base"), ("T", "0.3"));
        _workspace.Source("models/a");
        Compare(dtype, DoublePrecision.Slerp(basis, other, 0.3));
    }

    [Fact]
    public void Passthrough_copies_bytes_and_scales()
    {
        var values = Write("a", "BF16", 2, 5_000);
        _workspace.Merge("m", ("Method", "passthrough"));
        _workspace.Source("models/a");
        Compare("BF16", values);
        _workspace.Clear();
        _workspace.Merge("m", ("Method", "passthrough"));
        _workspace.Source("models/a", ("Scale", "0.3"));
        Compare("BF16", Array.ConvertAll(values, value => value * (float)0.3));
    }

    [Theory]
    [InlineData("dare_linear", 0.5)]
    [InlineData("dare_linear", 0.1)]
    [InlineData("dare_ties", 0.3)]
    public void Dare_keeps_its_share_at_random_and_scales_the_survivors(string method, double density)
    {
        const int count = 200_000;
        var basis = Write("base", "F32", 1, count);
        var model = Write("a", "F32", 2, count);
        _workspace.Merge(
            "m",
            ("Method", method),
            ("Base", "models/base"),
            ("Density", density.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            ("Rescale", "false"));
        _workspace.Source("models/a", ("Weight", "1"));
        _workspace.Run("m");
        var merged = _workspace.Result("m")["w"].Floats();
        var kept = Enumerable.Range(0, count).Where(i => merged[i] != (float)basis[i]).ToList();
        var deviation = Math.Sqrt(count * density * (1 - density));
        Assert.InRange(kept.Count, (count * density) - (5 * deviation), (count * density) + (5 * deviation));
        Assert.All(kept, i => Assert.Equal(model[i], merged[i], 1e-6));

        // Neighbours are dropped independently.
        var pairs = kept.Zip(kept.Skip(1), (a, b) => b - a == 1).Count(together => together);
        Assert.InRange(pairs, (count * density * density) - (8 * deviation), (count * density * density) + (8 * deviation));
    }

    private double[] Write(string model, string dtype, int seed, int count, double distance = 0.02)
    {
        // Fine-tuned models lie near their base.
        var basis = RandomTensors.Normal(1, count);
        var values = seed == 1 ? basis : [.. basis.Zip(RandomTensors.Normal(seed, count, distance), (b, d) => b + d)];
        var tensor = dtype switch
        {
            "F32" => RawTensor.F32([count], values),
            "F16" => RawTensor.F16([count], values),
            _ => RawTensor.BF16([count], values)
        };
        _workspace.Model(model, ("w", tensor));
        return Array.ConvertAll(tensor.Floats(), value => (double)value);
    }

    private void Check(string method, string dtype, double[] expected, bool withBase = true, params (string Name, string Value)[] metadata)
    {
        _workspace.Clear();
        _workspace.Merge("m", [("Method", method), .. withBase ? [("Base", "models/base")] : Array.Empty<(string, string)>(), .. metadata]);
        foreach (var (model, weight) in new[] { "a", "b", "c" }.Zip(Weights))
            _workspace.Source("models/" + model, ("Weight", weight.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        Compare(dtype, expected);
    }

    private void Compare(string dtype, double[] expected)
    {
        _workspace.Run("m");
        var actual = _workspace.Result("m")["w"];
        Assert.Equal(dtype, actual.DType);
        var values = actual.Floats();
        Assert.Equal(expected.Length, values.Length);
        for (var i = 0; i < values.Length; i++)
        {
            // Half a step of the stored type, and what fp32 sums of numbers of this size may be off by (which for fp32 itself is a few
            // steps).
            var step = dtype switch { "F32" => Math.ScaleB(1, -21), "F16" => Math.ScaleB(1, -10), _ => Math.ScaleB(1, -7) };
            var magnitude = Math.Max(Math.Abs(expected[i]), 6e-5);
            var tolerance = (step / 2 * Math.ScaleB(1, (int)Math.Floor(Math.Log2(magnitude)))) + 2e-8;
            Assert.True(
                Math.Abs(expected[i] - values[i]) <= tolerance,
                $"{dtype} element {i}: {values[i]:R}, exact {expected[i]:R}, may differ by {tolerance:R}.");
        }
    }
}
