using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Locating;
using MergeTasks.Merging.Measuring;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>The element-wise loops of APL and AIM do by vectors what a slow loop does, to the last bit.</summary>
public sealed class ElementSteps
{
    private static readonly float[] Special =
        [0f, -0f, 1f, -1f, float.Epsilon, -float.Epsilon, 1e-38f, 3e38f, -3e38f, float.PositiveInfinity, float.NegativeInfinity, float.NaN];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(1003)]
    public void A_merged_change_is_stretched_in_double_precision_with_one_rounding(int length)
    {
        var (values, origin) = (Values(length, 1), Values(length, 2));
        double[] factors = [.. Enumerable.Range(0, length).Select(i => i % 3 == 0 ? 1 : 0.37 * (i % 7))];
        foreach (var factor in new[] { 0, 0.3, 1, 1.5 })
        {
            var own = values.ToArray();
            BlockMath.Stretch(own, origin, factor);
            Equal(values.Zip(origin, (value, from) => (float)(from + (((double)value - from) * factor))), own);
        }

        var each = values.ToArray();
        BlockMath.Stretch(each, origin, factors);
        Equal(values.Select((value, i) =>
            factors[i] == 1 ? value : (float)(origin[i] + (((double)value - origin[i]) * factors[i]))), each);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(1003)]
    public void What_reaches_a_threshold_stays_as_it_is(int length)
    {
        var delta = Values(length, 3);
        var ranks = new uint[length];
        TensorCut.Rank(delta, [], [], ranks);
        Assert.Equal(delta.Select(value => value == 0 ? 0 : (BitConverter.SingleToUInt32Bits(value) & 0x7FFF_FFFF) + 1), ranks);
        var tensor = new DeltaTensor("t", [length], false);
        foreach (var threshold in ranks.Append(TensorCut.Least).Append(TensorCut.None).Distinct().Take(40))
        {
            var own = delta.ToArray();
            new TensorCut(tensor, [threshold], [long.MaxValue]).Apply(0, own, ranks);
            Equal(delta.Select((value, i) => ranks[i] < threshold ? 0 : value), own);
        }
    }

    [Fact]
    public void Parameters_on_trial_are_held_in_their_type()
    {
        using var held = new CandidateParameters(
            [new TensorSpec("half", DType.BF16, [3]), new TensorSpec("single", DType.F32, [2]), new TensorSpec("double", DType.F64, [2])]);
        held.Write("half", 0, [1.001f, 2f, 3f]);
        held.Write("single", 0, [1.001f, 2f]);
        held.Write("double", 0, [1.001f, 2f]);
        var half = new float[3];
        held.Values()["half"].CopyTo(0, half);
        Assert.Equal([1f, 2f, 3f], half);
        Assert.Equal([1.001f, 2f], held.Singles("single", 0, 2).ToArray());
        Assert.Equal([1.001f, 2f], held.Singles("double", 0, 2).ToArray());
    }

    private static float[] Values(int length, int seed)
    {
        var random = new Random(seed);
        return [
            .. Enumerable.Range(0, length).Select(i => random.Next(8) == 0
                ? Special[random.Next(Special.Length)]
                : (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-6, 6))))
        ];
    }

    // By bits, but for the payload of what is not a number.
    private static void Equal(IEnumerable<float> expected, float[] actual) =>
        Assert.Equal(expected.Select(Bits), actual.Select(Bits));

    private static int Bits(float value) => float.IsNaN(value) ? -1 : BitConverter.SingleToInt32Bits(value);
}
