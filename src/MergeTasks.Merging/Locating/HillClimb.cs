namespace MergeTasks.Merging.Locating;

/// <summary>
/// Finds the best of a few values of a number whose effect rises to a peak and falls again, by walking uphill: most values are never tried.
/// </summary>
/// <param name="values">The values, ascending.</param>
/// <param name="measure">The effect; larger is better. Each value is measured at most once.</param>
internal sealed class HillClimb(IReadOnlyList<double> values, Func<double, double> measure)
{
    private readonly SortedDictionary<int, double> _known = [];

    /// <summary>What was tried, ascending, with its effect.</summary>
    public IEnumerable<(double Value, double Effect)> Tried => _known.Select(pair => (values[pair.Key], pair.Value));

    /// <summary>Index of the best of those that were tried; of equal ones, the smaller.</summary>
    public int Best => _known.MaxBy(pair => pair.Value).Key;

    /// <summary>The effect of a value.</summary>
    public double Of(int index) => _known.TryGetValue(index, out var effect) ? effect : _known[index] = measure(values[index]);

    /// <summary>Walks uphill; among equal ones, to the smaller.</summary>
    /// <param name="start">Index of the value to begin with.</param>
    /// <param name="enough">An effect that is as good as any: the walk ends at the first that reaches it.</param>
    /// <returns>Index of the peak.</returns>
    public int Peak(int start, double enough = double.PositiveInfinity)
    {
        var best = start;
        while (Of(best) < enough)
        {
            if (best > 0 && Of(best - 1) >= Of(best))
                best--;
            else if (best + 1 < values.Count && Of(best + 1) > Of(best))
                best++;
            else
                break;
        }

        return best;
    }

    /// <summary>The smallest value below a peak whose effect is within a tolerance of the peak's.</summary>
    public int SmallestWithin(int peak, double tolerance)
    {
        var smallest = peak;
        while (smallest > 0 && Of(smallest - 1) >= Of(peak) - tolerance)
            smallest--;
        return smallest;
    }
}
