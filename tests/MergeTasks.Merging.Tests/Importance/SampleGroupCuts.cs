using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>How samples are cut into groups that are summed up by themselves.</summary>
public sealed class SampleGroupCuts
{
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 3, 1)]
    [InlineData(1, 100_000, 1)]
    [InlineData(7, 512, 1)]
    [InlineData(64, 512, 16)]
    [InlineData(1000, 512, 16)]
    [InlineData(12, 512, 3)]
    public void Are_long_enough_few_and_even(int samples, int tokens, int groups)
    {
        var cut = SampleGroups.Of([.. Enumerable.Repeat(tokens, samples)]);
        Assert.Equal(groups, cut.Count);
        AssertWhole(cut, samples);
        if (groups > 0)
            Assert.InRange(cut.Max(Length) - cut.Min(Length), 0, 1);
    }

    [Fact]
    public void Hold_every_sample_once_and_none_is_empty()
    {
        var random = new Random(3);
        for (var round = 0; round < 500; round++)
        {
            int[] tokens =
                [.. Enumerable.Range(0, random.Next(1, 60)).Select(_ => random.Next(10) == 0 ? random.Next(20_000) : random.Next(200))];
            var cut = SampleGroups.Of(tokens);
            AssertWhole(cut, tokens.Length);
            Assert.All(cut, group => Assert.True(Length(group) > 0));
            Assert.InRange(cut.Count, 1, (int)Math.Clamp(tokens.Sum() / 2048, 1, 16));
        }
    }

    private static int Length(Range range) => range.End.Value - range.Start.Value;

    private static void AssertWhole(IReadOnlyList<Range> cut, int samples)
    {
        var at = 0;
        foreach (var group in cut)
        {
            Assert.Equal(at, group.Start.Value);
            at = group.End.Value;
        }

        Assert.Equal(samples, at);
    }
}
