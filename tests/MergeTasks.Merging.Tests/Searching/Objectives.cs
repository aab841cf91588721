using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Searching;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Searching;

/// <summary>Objectives, guards and intervals against what the formulas say.</summary>
public sealed class Objectives
{
    private static readonly SourceLocation Nowhere = new("");
    private static readonly DataFile[] Files = [new("one", "one", Nowhere), new("two", "two", Nowhere)];

    [Fact]
    public void Are_what_their_names_say()
    {
        // Losses 2 and 1 where the best models have 1 and 2: 1 − 2/1 = −1 and 1 − 1/2 = 0.5.
        double[][] scores = [[-1, -3], [-1, -1]], best = [[-1, -1], [-2, -2]];
        Assert.Equal(-0.25, Scale(SearchObjective.MeanRelative, best).Objective(scores), 1e-12);
        Assert.Equal(-1, Scale(SearchObjective.MinRelative, best).Objective(scores), 1e-12);
        Assert.Equal(-1.5, Scale(SearchObjective.MeanLogProbability, best).Objective(scores), 1e-12);

        // Of some first items alone: 1 − 1/1 and 1 − 1/2.
        Assert.Equal(0.25, Scale(SearchObjective.MeanRelative, best).Objective([[-1], [-1]]), 1e-12);
        Assert.Equal(
            double.NegativeInfinity, Scale(SearchObjective.MeanRelative, best).Objective([[double.NegativeInfinity, -1], [-1, -1]]));
        Assert.Equal(double.NegativeInfinity, Scale(SearchObjective.MeanRelative, best).Objective([[double.NaN, -1], [-1, -1]]));
    }

    [Fact]
    public void Guards_are_missed_by_what_lies_below_them()
    {
        double[][] best = [[-1, -1], [-2, -2]];
        var scale = Scale(SearchObjective.MeanRelative, best, new SearchGuard(Files[0], -0.1), new SearchGuard(Files[1], 0));
        Assert.Equal(0, scale.Violation([[-1.1, -1.1], [-2, -2]]), 1e-12);
        Assert.Equal(0.4, scale.Violation([[-1.5, -1.5], [-1, -1]]), 1e-12);
        Assert.Equal(0.9, scale.Violation([[-1.5, -1.5], [-3, -3]]), 1e-12);
        Assert.Equal(double.PositiveInfinity, scale.Violation([[double.NegativeInfinity, -1], [-1, -1]]));
    }

    [Fact]
    public void Intervals_are_those_of_a_normal_distribution_where_there_is_one()
    {
        var (a, b) = (RandomTensors.Normal(1, 400, 1), RandomTensors.Normal(2, 400, 1));
        double[][] scores = [[.. a.Select(value => (double)value - 5)], [.. b.Select(value => (double)value - 5)]];
        var scale = Scale(SearchObjective.MeanLogProbability, scores);
        var (low, high) = scale.Interval(scores);
        var error = Math.Sqrt(scores.Sum(file =>
            file.Average() is var mean ? file.Sum(value => (value - mean) * (value - mean)) / (file.Length - 1) / file.Length : 0)) / 2;
        Assert.InRange((high - low) / (2 * 1.96 * error), 0.92, 1.08);
        Assert.InRange(scale.Objective(scores), low, high);
        Assert.Equal((low, high), scale.Interval(scores));

        // Paired: what differs by the same on every item differs by that in every resample.
        var (least, most) = scale.Interval(
            scores, [[.. scores[0].Select(value => value - 0.3)], [.. scores[1].Select(value => value - 0.3)]]);
        Assert.Equal(0.3, least, 1e-9);
        Assert.Equal(0.3, most, 1e-9);
    }

    private static SearchScale Scale(SearchObjective objective, double[][] best, params SearchGuard[] guards) =>
        new(new SearchDeclaration("m", Nowhere) { Objective = objective, Data = Files, Guards = guards }, best, best);
}
