using MergeTasks.Language.Searching;
using MergeTasks.Numerics.Optimizing;

namespace MergeTasks.Merging.Searching;

/// <summary>The objective of a search: what it makes of the items' scores, which are compared with those of the models.</summary>
/// <remarks>
/// What a file's unit is does not depend on the items at hand, so the objective is linear in the losses: a few items, or a resample of
/// them, on which the models happen to be close to each other do not make it explode.
/// </remarks>
/// <param name="search">The search.</param>
/// <param name="yardsticks">Of each file, what it is compared with.</param>
/// <param name="scoresOf">The models' scores of the items that are measured.</param>
internal sealed class SearchScale(
    SearchDeclaration search, IReadOnlyList<Yardstick> yardsticks, Func<Measured, IReadOnlyList<double[]>> scoresOf)
{
    private const int Resamples = 2000;

    private readonly IReadOnlyList<double[]> _best = [.. yardsticks.Select((yardstick, file) => scoresOf(yardstick.Best)[file])];
    private readonly IReadOnlyList<double[]> _guarded = [.. yardsticks.Select((yardstick, file) => scoresOf(yardstick.Guarded)[file])];

    /// <summary>The objective, larger being better; scores of some first items of each file suffice.</summary>
    public double Objective(IReadOnlyList<double[]> scores) => Objective(scores, null);

    /// <summary>How much the guards are missed by in all; 0: they are kept.</summary>
    public double Violation(IReadOnlyList<double[]> scores) => search.Guards.Sum(guard =>
        search.Data.ToList().IndexOf(guard.Data) is var file && Relative(scores[file], _guarded[file]) is var relative
            && double.IsFinite(relative)
                ? Math.Max(0, guard.Least - relative)
                : double.PositiveInfinity);

    /// <summary>
    /// The interval in which the objective, or the difference of two, lies with 95 %: percentiles over resamples of the items (Efron 1979),
    /// the same items for both.
    /// </summary>
    /// <param name="scores">The scores.</param>
    /// <param name="subtracted">Those of another; <see langword="null"/>: nothing is subtracted.</param>
    public (double Low, double High) Interval(IReadOnlyList<double[]> scores, IReadOnlyList<double[]>? subtracted = null)
    {
        var random = new UniformNumbers(search.Seed);
        var picks = scores.Select(file => new int[file.Length]).ToArray();
        var values = new double[Resamples];
        for (var i = 0; i < Resamples; i++)
        {
            foreach (var file in picks)
            {
                for (var j = 0; j < file.Length; j++)
                    file[j] = random.Below(file.Length);
            }

            values[i] = Objective(scores, picks) - (subtracted is null ? 0 : Objective(subtracted, picks));
        }

        Array.Sort(values);
        return (values[(int)(0.025 * Resamples)], values[(int)(0.975 * Resamples) - 1]);
    }

    private double Objective(IReadOnlyList<double[]> scores, int[][]? picks)
    {
        var files = Enumerable.Range(0, scores.Count);
        var value = search.Objective switch
        {
            SearchObjective.MeanRecovery => files.Average(file => Recovery(scores[file], file, picks?[file])),
            SearchObjective.MinRecovery => files.Min(file => Recovery(scores[file], file, picks?[file])),
            _ => files.Average(file => Mean(scores[file], scores[file].Length, picks?[file])),
        };
        return double.IsNaN(value) ? double.NegativeInfinity : value;
    }

    private double Recovery(double[] scores, int file, int[]? picks) =>
        1 + ((Mean(scores, scores.Length, picks) - Mean(_best[file], scores.Length, picks)) / yardsticks[file].Unit);

    private static double Relative(double[] scores, double[] reference) =>
        1 - (Mean(scores, scores.Length, null) / Math.Min(-Yardstick.LeastLoss, Mean(reference, scores.Length, null)));

    private static double Mean(double[] scores, int count, int[]? picks)
    {
        var sum = 0.0;
        for (var i = 0; i < count; i++)
            sum += scores[picks is null ? i : picks[i]];
        return sum / count;
    }
}
