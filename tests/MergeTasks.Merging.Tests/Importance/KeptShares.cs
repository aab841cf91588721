using MergeTasks.Merging.Locating;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>What must hold of keep ratios for any importances.</summary>
public sealed class KeptShares
{
    [Fact]
    public void Hold_for_random_importances()
    {
        var random = new Random(7);
        for (var run = 0; run < 1000; run++)
        {
            var parts = random.Next(1, 40);
            double[] counts = [.. Enumerable.Range(0, parts).Select(_ => (double)(random.Next(8) == 0 ? 0 : random.Next(1, 100000)))];
            double[] importances = [
                .. Enumerable.Range(0, parts).Select(_ => random.Next(4) == 0 ? 0 : Math.Pow(10, (random.NextDouble() * 12) - 8))
            ];
            var density = random.Next(5) == 0 ? 1 : random.NextDouble();
            var temperature = random.Next(6) switch
            {
                0 => double.PositiveInfinity,
                1 => 0.02,
                2 => 50,
                _ => 0.1 + (2 * random.NextDouble())
            };
            Check(importances, counts, density, temperature);
        }
    }

    [Fact]
    public void Are_proportional_to_importance_while_nothing_is_full()
    {
        var ratios = KeepRatios.Of([1, 2, 3], [100, 100, 100], 0.3, 1);
        Assert.Equal([0.15, 0.3, 0.45], ratios.Select(ratio => Math.Round(ratio, 12)));
        Assert.Equal([15, 30, 45], KeepRatios.Counts(ratios, [100, 100, 100]));
        var warm = KeepRatios.Of([1, 4, 9], [100, 100, 100], 0.3, 2);
        Assert.Equal([0.15, 0.3, 0.45], warm.Select(ratio => Math.Round(ratio, 12)));
    }

    [Fact]
    public void Fill_up_and_hand_on_what_is_left()
    {
        // The second part takes all of its 100; the other 50 go to the first, within its bounds.
        Assert.Equal([0.5, 1], KeepRatios.Of([1, 1000], [100, 100], 0.75, 1).Select(ratio => Math.Round(ratio, 12)));
        Assert.Equal([0.075, 1], KeepRatios.Of([0, 1], [900, 100], 0.1675, 1).Select(ratio => Math.Round(ratio, 9)));
    }

    [Fact]
    public void Of_no_importance_at_all_are_the_density() => Assert.Equal([0.25, 0.25], KeepRatios.Of([0, 0], [10, 1000], 0.25, 1));

    [Fact]
    public void Never_fall_below_a_tenth_of_the_density()
    {
        var ratios = KeepRatios.Of([1e-12, 1], [1000, 1000], 0.4, 1);
        Assert.Equal(0.04, ratios[0], 1e-12);
        Assert.Equal(0.76, ratios[1], 1e-12);
    }

    [Fact]
    public void Become_whole_numbers_by_largest_remainder()
    {
        Assert.Equal([2, 1, 1], KeepRatios.Counts([0.25, 0.125, 0.125], [7, 8, 8]));
        Assert.Equal([1, 0, 0], KeepRatios.Counts([0.1, 0.1, 0.1], [4, 4, 4]));
        Assert.Equal([5, 0], KeepRatios.Counts([1, 0.5], [5, 0]));
    }

    private static void Check(double[] importances, double[] counts, double density, double temperature)
    {
        var ratios = KeepRatios.Of(importances, counts, density, temperature);
        var total = counts.Sum();
        Assert.All(ratios, ratio => Assert.InRange(ratio, Math.Min(1, density) / 10 * (1 - 1e-12), 1));
        Assert.InRange(
            ratios.Zip(counts, (ratio, count) => ratio * count).Sum() - (density * total), -1e-6 * (total + 1), 1e-6 * (total + 1));
        for (var i = 1; i < ratios.Length; i++)
        {
            // A more important part never keeps a smaller share.
            if (importances[i] >= importances[i - 1])
                Assert.True(ratios[i] >= ratios[i - 1] - 1e-9);
            else
                Assert.True(ratios[i] <= ratios[i - 1] + 1e-9);
        }

        if (double.IsPositiveInfinity(temperature))
            Assert.All(ratios, ratio => Assert.Equal(density, ratio, 1e-12));
        var whole = KeepRatios.Counts(ratios, counts);
        Assert.Equal((long)Math.Round(density * total, MidpointRounding.AwayFromZero), whole.Sum(), 1.0);
        for (var i = 0; i < whole.Length; i++)
            Assert.InRange(
                whole[i], Math.Max(0, Math.Floor(ratios[i] * counts[i]) - 1), Math.Min(counts[i], Math.Ceiling(ratios[i] * counts[i]) + 1));
    }
}
