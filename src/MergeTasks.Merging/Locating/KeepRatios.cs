namespace MergeTasks.Merging.Locating;

/// <summary>How much of each part of a delta is kept, so that a target share of the whole is.</summary>
internal static class KeepRatios
{
    // Survivors are divided by the ratio, so it stays within a factor of the target.
    private const double LeastShare = 0.1;
    private const int Bisections = 200;

    // How far importance per parameter may lie from its median before it is taken for an outlier.
    private const double Farthest = 20;

    /// <summary>
    /// k_p = min(1, c·w_p), w_p = clamp((I_p/n_p) / median, 1/20, 20)^{1/τ}, with c such that Σ n_p·k_p = <paramref name="density"/>·Σ n_p.
    /// The median is of I_p/n_p over the parts that have elements; where it is 0, of those above 0; where none is, all weigh the same.
    /// </summary>
    /// <param name="importances">I_p, at least 0.</param>
    /// <param name="elements">n_p, all elements of each part.</param>
    /// <param name="density">The share to keep, in (0, 1].</param>
    /// <param name="temperature">τ above 0; infinite: the same ratio for all.</param>
    public static double[] PerParameter(
        IReadOnlyList<double> importances, IReadOnlyList<double> elements, double density, double temperature)
    {
        ArgumentNullException.ThrowIfNull(importances);
        ArgumentNullException.ThrowIfNull(elements);
        var ratios = new double[importances.Count];
        double[] each = [.. importances.Zip(elements, (importance, count) => count > 0 ? importance / count : 0)];
        var middle = Median([.. each.Where((_, i) => elements[i] > 0)]) is var all and > 0
            ? all
            : Median([.. each.Where(value => value > 0)]);
        if (density >= 1 || double.IsPositiveInfinity(temperature) || middle <= 0 || elements.Sum() <= 0)
        {
            Array.Fill(ratios, Math.Min(1, density));
            return ratios;
        }

        double[] weights = [.. each.Select(value => Math.Pow(Math.Clamp(value / middle, 1 / Farthest, Farthest), 1 / temperature))];
        Fill(ratios, weights, elements, density * elements.Sum(), 1, 0);
        return ratios;
    }

    private static double Median(double[] values)
    {
        if (values.Length == 0)
            return 0;
        Array.Sort(values);
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }

    /// <summary>
    /// k_p = min(1, c·(I_p / mean I)^{1/τ}), at least q/10, with c such that Σ n_p·k_p = <paramref name="density"/>·Σ n_p. Where no c does
    /// that, because too few parameters have an importance above 0: 1 for those, and the rest share what remains evenly. Where all
    /// importances are 0, the density for all.
    /// </summary>
    /// <param name="importances">I_p, at least 0.</param>
    /// <param name="counts">n_p, the changed elements of each part.</param>
    /// <param name="density">The share to keep, in (0, 1].</param>
    /// <param name="temperature">τ above 0; infinite: the same ratio for all.</param>
    /// <param name="least">The smallest ratio; by default density/10. A part of a part has its whole's.</param>
    public static double[] Of(
        IReadOnlyList<double> importances, IReadOnlyList<double> counts, double density, double temperature, double? least = null)
    {
        ArgumentNullException.ThrowIfNull(importances);
        ArgumentNullException.ThrowIfNull(counts);
        var floor = Math.Min(density, least ?? (density * LeastShare));
        var ratios = new double[importances.Count];
        if (density >= 1 || double.IsPositiveInfinity(temperature) || importances.All(importance => importance <= 0))
        {
            Array.Fill(ratios, Math.Min(1, density));
            return ratios;
        }

        var total = counts.Sum();
        var target = density * total;
        var important = Where(importances, counts);
        if (important + (floor * (total - important)) < target)
        {
            var rest = (target - important) / (total - important);
            for (var i = 0; i < ratios.Length; i++)
                ratios[i] = importances[i] > 0 ? 1 : rest;
            return ratios;
        }

        Fill(ratios, importances, counts, target, temperature, floor);
        return ratios;
    }

    private static double Where(IReadOnlyList<double> importances, IReadOnlyList<double> counts) =>
        importances.Select((importance, i) => importance > 0 ? counts[i] : 0).Sum();

    // In logarithms, because a small temperature takes powers beyond the range of numbers.
    private static void Fill(
        double[] ratios, IReadOnlyList<double> importances, IReadOnlyList<double> counts, double target, double temperature, double floor)
    {
        var logarithms = importances.Select(importance => importance > 0 ? Math.Log(importance) / temperature : double.NegativeInfinity)
            .ToArray();
        var (low, high) = (Math.Log(Math.Max(floor, double.Epsilon)) - logarithms.Max(), -logarithms.Where(double.IsFinite).Min());
        for (var i = 0; i < Bisections && low < high; i++)
        {
            var middle = low + ((high - low) / 2);
            if (Kept(middle) < target)
                low = middle;
            else
                high = middle;
        }

        Set(high);
        Settle(ratios, counts, target, floor);

        double Kept(double level)
        {
            Set(level);
            return ratios.Zip(counts, (ratio, count) => ratio * count).Sum();
        }

        void Set(double level)
        {
            for (var i = 0; i < ratios.Length; i++)
                ratios[i] = Math.Clamp(Math.Exp(Math.Min(0, level + logarithms[i])), floor, 1);
        }
    }

    // Bisection ends a rounding error away from the target; the parts between the bounds take it up.
    private static void Settle(double[] ratios, IReadOnlyList<double> counts, double target, double floor)
    {
        double fixedSum = 0, freeSum = 0;
        for (var i = 0; i < ratios.Length; i++)
        {
            if (ratios[i] > floor && ratios[i] < 1)
                freeSum += ratios[i] * counts[i];
            else
                fixedSum += ratios[i] * counts[i];
        }

        if (freeSum <= 0)
            return;
        var factor = (target - fixedSum) / freeSum;
        for (var i = 0; i < ratios.Length; i++)
        {
            if (ratios[i] > floor && ratios[i] < 1)
                ratios[i] = Math.Clamp(ratios[i] * factor, floor, 1);
        }
    }

    /// <summary>
    /// Whole numbers of elements to keep: the ratios' shares rounded down, and what is missing to the total given to the parts with the
    /// largest remainders (the first among equals).
    /// </summary>
    /// <param name="ratios">The keep ratios.</param>
    /// <param name="counts">The elements of each part.</param>
    /// <param name="total">The sum to reach; <see langword="null"/>: the sum of the shares, rounded.</param>
    public static long[] Counts(IReadOnlyList<double> ratios, IReadOnlyList<double> counts, long? total = null)
    {
        ArgumentNullException.ThrowIfNull(ratios);
        ArgumentNullException.ThrowIfNull(counts);
        var shares = ratios.Zip(counts, (ratio, count) => Math.Min(count, ratio * count)).ToArray();
        var whole = shares.Select(share => (long)Math.Floor(share)).ToArray();
        var missing = (total ?? (long)Math.Round(shares.Sum(), MidpointRounding.AwayFromZero)) - whole.Sum();
        var order = Enumerable.Range(0, shares.Length).OrderByDescending(i => shares[i] - whole[i]).ThenBy(i => i).ToList();
        while (missing != 0)
        {
            var before = missing;
            foreach (var i in missing > 0 ? order : order.AsEnumerable().Reverse())
            {
                var step = Math.Sign(missing);
                if (step == 0 || whole[i] + step < 0 || whole[i] + step > counts[i])
                    continue;
                whole[i] += step;
                missing -= step;
            }

            if (missing == before)
                break;
        }

        return whole;
    }
}
