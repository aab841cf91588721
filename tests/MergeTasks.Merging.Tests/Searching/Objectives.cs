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
        // The best models have losses 1 and 2, the base 3 and 6: of losses 2 and 1, (3 − 2)/(3 − 1) and (6 − 1)/(6 − 2) are recovered.
        double[][] scores = [[-1, -3], [-1, -1]], a = [[-1, -1], [-5, -5]], b = [[-4, -4], [-2, -2]], basis = [[-3, -3], [-6, -6]];
        Assert.Equal(0.875, Scale(SearchObjective.MeanRecovery, [a, b], basis).Objective(scores), 1e-12);
        Assert.Equal(0.5, Scale(SearchObjective.MinRecovery, [a, b], basis).Objective(scores), 1e-12);
        Assert.Equal(-1.5, Scale(SearchObjective.MeanLogProbability, [a, b], basis).Objective(scores), 1e-12);
        Assert.Equal(0, Scale(SearchObjective.MeanRecovery, [a, b], basis).Objective(basis), 1e-12);
        Assert.Equal(1, Scale(SearchObjective.MinRecovery, [a, b], basis).Objective([a[0], b[1]]), 1e-12);

        // Without a base from the worst model, which has 4 and 5: (4 − 2)/(4 − 1) and (5 − 1)/(5 − 2).
        Assert.Equal(1, Scale(SearchObjective.MeanRecovery, [a, b], null).Objective(scores), 1e-12);

        // Of some first items alone: (3 − 1)/(3 − 1) and (6 − 1)/(6 − 2).
        Assert.Equal(1.125, Scale(SearchObjective.MeanRecovery, [a, b], basis).Objective([[-1], [-1]]), 1e-12);
        foreach (var broken in new[] { double.NegativeInfinity, double.NaN })
        {
            Assert.Equal(
                double.NegativeInfinity,
                Scale(SearchObjective.MeanRecovery, [a, b], basis).Objective([[broken, -1], [-1, -1]]));
        }
    }

    /// <summary>A candidate stops early where it misses a guard and half of the others do not, whatever its objective.</summary>
    [Fact]
    public void Count_after_guards_when_candidates_are_stopped()
    {
        SearchCandidate Of(double objective, double violation) => new SearchCandidate(0, [], SearchedSettings.None).With([], objective, violation);
        SearchCandidate[] others = [Of(0.1, 0), Of(0.2, 0), Of(0.9, 0.5)];
        Assert.True(Of(2, 0.1).FallsBehind(others));
        Assert.False(Of(0.15, 0).FallsBehind(others));
        Assert.True(Of(0.05, 0).FallsBehind([.. others, Of(0.3, 0)]));
        Assert.False(Of(2, 0.4).FallsBehind([Of(3, 0.5), Of(4, 0.6), Of(5, 0.7)]));
        Assert.False(Of(-9, 9).FallsBehind(others[..2]));
        Assert.True(Of(2, 0.1).Told.MissesGuard);
        Assert.Null(Of(2, 0).Told.MissesGuard);
    }

    [Fact]
    public void Have_a_unit_on_files_where_no_model_is_clearly_better()
    {
        // The base is best; a model is better by 2 % of the loss; by chance; everything is certain already; the base cannot say at all.
        Is(false, 2, [-3, -3], [-2, -2]);
        Is(false, 1.96, [-1.96, -1.96], [-2, -2]);
        Is(false, 1.5, [-2, -2, -1, -1], [-1, -2, -2, -3]);
        Is(false, 0.01, [0, -1e-9], [-1e-4, -1e-4]);
        Is(false, 2, [-2, -2], [double.NegativeInfinity, -1]);

        // A specialist that is certain of everything, which a ratio of losses could not take.
        Is(true, 1, [-1e-9, -1e-9], [-1, -1]);

        static void Is(bool isRecovery, double unit, double[] model, double[] basis)
        {
            var (own, other) = (Of(model), Of(basis));
            var yardstick = Yardstick.Of([other, own], other, 0);
            Assert.Equal(isRecovery, yardstick.IsRecovery);
            Assert.Equal(unit, yardstick.Unit, 1e-6);
            var scale = new SearchScale(new("m", Nowhere) { Data = [Files[0]] }, [yardstick], measured => measured.Selecting);
            Assert.Equal(1, scale.Objective(yardstick.Best.Selecting), 1e-9);
            Assert.Equal(0, scale.Objective([[.. yardstick.Best.Selecting[0].Select(score => score - unit)]]), 1e-6);
        }

        static Measured Of(double[] scores) => new("", true, [scores], [scores]);
    }

    [Fact]
    public void Guards_are_missed_by_what_lies_below_them()
    {
        double[][] basis = [[-1, -1], [-2, -2]];
        var scale = Scale(
            SearchObjective.MeanRecovery, [[[0, 0], [0, 0]]], basis, new SearchGuard(Files[0], -0.1), new SearchGuard(Files[1], 0));
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
        var scale = Scale(SearchObjective.MeanLogProbability, [scores], scores);
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

    private static SearchScale Scale(SearchObjective objective, double[][][] models, double[][]? basis, params SearchGuard[] guards)
    {
        var measured = models.Select(scores => new Measured("", true, scores, [])).ToList();
        var from = basis is null ? null : new Measured("base", true, basis, []);
        return new(
            new SearchDeclaration("m", Nowhere) { Objective = objective, Data = Files, Guards = guards },
            [.. Files.Select((_, file) => Yardstick.Of(from is null ? measured : [from, .. measured], from, file))],
            model => model.Selecting);
    }
}
