using MergeTasks.Language.Searching;
using MergeTasks.Numerics.Optimizing;

namespace MergeTasks.Merging.Searching;

/// <summary>
/// The objective of a search: what it makes of the items' scores, which are compared with those of the models that do best on each file.
/// </summary>
/// <param name="search">The search.</param>
/// <param name="best">Of each file, the scores of the model that does best on it.</param>
/// <param name="guarded">Of each file, the scores of the model that guards compare with.</param>
internal sealed class SearchScale(SearchDeclaration search, IReadOnlyList<double[]> best, IReadOnlyList<double[]> guarded)
{
    private const int Resamples = 2000;

    // A model that is certain of everything has no loss that others could be compared with.
    private const double LeastLoss = 1e-9;

    /// <summary>The objective, larger being better; scores of some first items of each file suffice.</summary>
    public double Objective(IReadOnlyList<double[]> scores) => Objective(scores, null);

    /// <summary>How much the guards are missed by in all; 0: they are kept.</summary>
    public double Violation(IReadOnlyList<double[]> scores) => search.Guards.Sum(guard =>
        search.Data.ToList().IndexOf(guard.Data) is var file && Relative(scores[file], guarded[file], null) is var relative
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
            SearchObjective.MeanRelative => files.Average(file => Relative(scores[file], best[file], picks?[file])),
            SearchObjective.MinRelative => files.Min(file => Relative(scores[file], best[file], picks?[file])),
            _ => files.Average(file => Mean(scores[file], scores[file].Length, picks?[file])),
        };
        return double.IsNaN(value) ? double.NegativeInfinity : value;
    }

    private static double Relative(double[] scores, double[] reference, int[]? picks) =>
        1 - (Mean(scores, scores.Length, picks) / Math.Min(-LeastLoss, Mean(reference, scores.Length, picks)));

    private static double Mean(double[] scores, int count, int[]? picks)
    {
        var sum = 0.0;
        for (var i = 0; i < count; i++)
            sum += scores[picks is null ? i : picks[i]];
        return sum / count;
    }
}
