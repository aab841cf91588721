using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Selecting;
using MergeTasks.Methods.Sparsifying;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>The elements that the selection by magnitude keeps, against a stable sort of the whole tensor.</summary>
public sealed class MagnitudeSelections
{
    // Enough blocks to be sampled, and a last one that is not full.
    private const int Sampled = (260 * TensorMerge.BlockLength) + 77;

    private const int Plenty = 8 << 20;

    [Theory]
    [InlineData(2, 0.5)]
    [InlineData(100, 0.29)]
    [InlineData(3 * TensorMerge.BlockLength, 0.001)]
    [InlineData(Sampled, 0.5)]
    [InlineData(Sampled, 0.003)]
    [InlineData(Sampled, 0.9999)]
    public void Normal_values(int count, double density) =>
        Check(Values(count, (random, _) => Normal(random)), density, passes: count < Sampled ? 1 : 2);

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.1)]
    public void Few_magnitudes_that_many_elements_share(double density) =>
        Check(Values(Sampled, (random, _) => MathF.Round(Normal(random) * 4) / 4), density, passes: 2);

    [Fact]
    public void One_magnitude_that_all_elements_share() =>
        Check(Values(Sampled, (random, _) => random.Next(2) == 0 ? 0.25f : -0.25f), 0.4, passes: 2);

    [Fact]
    public void Fewer_elements_that_are_not_zero_than_may_be_kept() =>
        Check(Values(Sampled, (random, i) => i % 10 == 3 ? Normal(random) : 0), 0.4, passes: 2);

    [Fact]
    public void Infinities_and_NaN_are_the_largest() =>
        Check(
            Values(Sampled, (random, i) => (i % 1000) switch { 7 => float.NaN, 8 => float.NegativeInfinity, _ => Normal(random) }),
            0.01,
            passes: 2);

    [Theory]
    [InlineData(100f)]
    [InlineData(0.01f)]
    public void A_sample_that_is_unlike_the_rest_costs_passes_but_changes_nothing(float scale)
    {
        // Every fourth block is sampled.
        var values = Values(Sampled, (random, i) => Normal(random) * (i / TensorMerge.BlockLength % 4 == 0 ? scale : 1));
        Check(values, 0.5, passes: 4);
    }

    [Fact]
    public void Misses_with_equal_magnitudes_at_the_threshold_take_one_more_pass()
    {
        var values = Values(Sampled, (random, i) => i / TensorMerge.BlockLength % 4 == 0 ? 100 : MathF.Round(Normal(random) * 4) / 4);
        Check(values, 0.5, passes: 5);
    }

    [Fact]
    public void A_bracket_that_holds_more_than_the_memory_costs_passes_but_changes_nothing() =>
        Check(Values(Sampled, (random, _) => Normal(random)), 0.5, passes: 4, capacity: 1000);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Nothing_and_everything_take_no_pass(double density) =>
        Check(Values(5000, (random, _) => Normal(random)), density, passes: 0);

    [Fact]
    public void Ranks_are_those_of_a_sort()
    {
        var random = new Random(3);
        foreach (var bits in new[] { 3, 12, 31 })
        {
            uint[] values = [.. Enumerable.Range(0, 3000).Select(_ => (uint)random.Next() >> (31 - bits))];
            uint[] sorted = [.. values.OrderDescending()];
            foreach (var rank in new[] { 0, 1, 1499, 2998, 2999 })
                Assert.Equal(sorted[rank], RadixSelect.Descending([.. values], rank));
        }
    }

    private static void Check(float[] values, double density, int passes, int capacity = Plenty)
    {
        var context = new TensorContext(
            "t",
            [values.Length],
            [new TensorInput(0, false, new Dictionary<string, double> { ["density"] = density })],
            new Dictionary<string, double>())
        { Workers = 2 };
        var sparsifier = new MagnitudeSparsifier(context, capacity);
        var blocks = (values.Length + TensorMerge.BlockLength - 1) / TensorMerge.BlockLength;
        var taken = 0;
        foreach (var pass in sparsifier.Passes())
        {
            // The order in which blocks come must not matter.
            var stride = pass.Stride;
            Parallel.For(0, (blocks + stride - 1) / stride, new ParallelOptions { MaxDegreeOfParallelism = 1 }, i =>
            {
                var block = Block(values, (((blocks + stride - 1) / stride) - 1 - i) * stride);
                pass.Analyze(0, block, block.Buffer(0));
            });
            pass.End();
            taken++;
        }

        Assert.Equal(passes, taken);
        var keep = (int)(density * values.Length);
        var kept = Enumerable.Range(0, values.Length)
            .OrderByDescending(i => BitConverter.SingleToUInt32Bits(values[i]) & 0x7FFF_FFFF)
            .ThenBy(i => i)
            .Take(keep)
            .ToHashSet();
        for (var index = 0; index < blocks; index++)
        {
            var block = Block(values, index);
            sparsifier.Mask(0, block, block.Buffer(0));
            for (var i = 0; i < block.Count; i++)
            {
                var flat = (int)block.Start + i;
                var expected = kept.Contains(flat) ? values[flat] : 0;
                Assert.True(
                    expected.Equals(block.Buffer(0)[i]) || (expected == 0 && block.Buffer(0)[i] == 0),
                    $"Element {flat} is {block.Buffer(0)[i]:R}, not {expected:R}.");
            }
        }
    }

    private static MergeBlock Block(float[] values, int index)
    {
        var block = new MergeBlock(index % 2);
        block.Reserve(1);
        block.MoveTo(index, values.Length, (_, start, destination) => values.AsSpan((int)start, destination.Length).CopyTo(destination));
        block.Load(0, 0);
        return block;
    }

    private static float[] Values(int count, Func<Random, int, float> value)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(i => value(random, i))];
    }

    private static float Normal(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
