using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>The interval of importance, from what groups of samples add to it.</summary>
public sealed class ProductSpreads
{
    [Fact]
    public void Are_students_intervals_of_the_sum()
    {
        // Two tensors, five passes with as many samples each: of the sums 1, 2, 3, 4, 10 the mean is 4, the variance 12.5.
        double[] sums = [1, 2, 3, 4, 10];
        var spread = new ProductSpread(2);
        double[] total = [0, 0];
        foreach (var sum in sums)
        {
            (total[0], total[1]) = (total[0] + (sum / 3), total[1] + (2 * sum / 3));
            spread.Add(total, 0.2);
        }

        var within = ProductSpread.Within(spread.Lists.ToDictionary(list => list.Name, list => list.Values))!;
        Assert.Equal(2.776 * Math.Sqrt(5 * 12.5), within([0, 1]), 1e-9);
        Assert.Equal(2.776 * Math.Sqrt(5 * 12.5) / 3, within([0]), 1e-9);
    }

    [Fact]
    public void Are_zero_where_passes_differ_by_their_size_alone_and_unknown_where_they_are_few()
    {
        var spread = new ProductSpread(1);
        var sum = 0.0;
        foreach (var share in new[] { 0.1, 0.3, 0.6 })
            spread.Add([sum += 7 * share], share);
        Assert.Equal(0, ProductSpread.Within(spread.Lists.ToDictionary(list => list.Name, list => list.Values))!([0]), 1e-12);
        var few = new ProductSpread(1);
        few.Add([1], 0.5);
        few.Add([3], 0.5);
        Assert.Null(ProductSpread.Within(few.Lists.ToDictionary(list => list.Name, list => list.Values)));
    }

    /// <summary>Of a hundred tasks drawn from a known distribution, most intervals hold what is true.</summary>
    [Fact]
    public void Hold_the_truth_as_often_as_they_say()
    {
        var random = new Random(5);
        var held = 0;
        for (var task = 0; task < 400; task++)
        {
            var spread = new ProductSpread(1);
            var sum = 0.0;
            for (var pass = 0; pass < 50; pass++)
            {
                sum += (1 + (random.NextDouble() * 6) - 3) / 50;
                spread.Add([sum], 0.02);
            }

            var within = ProductSpread.Within(spread.Lists.ToDictionary(list => list.Name, list => list.Values))!([0]);
            held += Math.Abs(sum - 1) <= within ? 1 : 0;
        }

        Assert.InRange(held, 365, 395);
    }
}
