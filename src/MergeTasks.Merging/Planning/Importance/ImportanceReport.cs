namespace MergeTasks.Merging.Planning.Importance;

/// <summary>What scoring found and decided for one merge.</summary>
/// <param name="Models">Each scored model.</param>
internal sealed record ImportanceReport(IReadOnlyList<ModelReport> Models);

/// <summary>What APL found for one model.</summary>
/// <param name="Model">As the user named it.</param>
/// <param name="Importance">Importance of all its changes together, where it was scored.</param>
/// <param name="Weight">Its merging weight, where importance sets it.</param>
/// <param name="Changed">Elements that differ from the base.</param>
/// <param name="Kept">The share of them that is kept, by layer; absent where nothing is dropped.</param>
/// <param name="Verified">How well the approximation agrees with exact interventions, by level; absent where that was not asked for.</param>
internal sealed record ModelReport(
    string Model, double? Importance, double? Weight, long Changed, IReadOnlyDictionary<string, double>? Kept, IReadOnlyDictionary<string, Agreement>? Verified);

/// <summary>How approximated importances agree with exact ones.</summary>
/// <param name="Spearman">Rank correlation.</param>
/// <param name="RelativeError">‖approximate − exact‖ / ‖exact‖.</param>
internal sealed record Agreement(double Spearman, double RelativeError)
{
    /// <summary>Compares two lists of importances of the same parts.</summary>
    public static Agreement Of(IReadOnlyList<double> approximate, IReadOnlyList<double> exact)
    {
        ArgumentNullException.ThrowIfNull(approximate);
        ArgumentNullException.ThrowIfNull(exact);
        var error = Math.Sqrt(approximate.Zip(exact, (a, e) => (a - e) * (a - e)).Sum());
        var size = Math.Sqrt(exact.Sum(e => e * e));
        return new Agreement(Correlation(Ranks(approximate), Ranks(exact)), size > 0 ? error / size : error > 0 ? 1 : 0);
    }

    // Equal values share the mean of their ranks.
    private static double[] Ranks(IReadOnlyList<double> values)
    {
        var ranks = new double[values.Count];
        var order = Enumerable.Range(0, values.Count).OrderBy(i => values[i]).ToList();
        for (var first = 0; first < order.Count;)
        {
            var end = first;
            while (end < order.Count && values[order[end]] == values[order[first]])
                end++;
            for (var i = first; i < end; i++)
                ranks[order[i]] = (first + end - 1) / 2.0;
            first = end;
        }

        return ranks;
    }

    // Where one list is constant there is no order to agree with: 1 if both are, else 0.
    private static double Correlation(double[] a, double[] b)
    {
        if (a.Length == 0)
            return 1;
        var (meanA, meanB) = (a.Average(), b.Average());
        var covariance = a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum();
        var (spreadA, spreadB) = (a.Sum(x => (x - meanA) * (x - meanA)), b.Sum(y => (y - meanB) * (y - meanB)));
        return spreadA > 0 && spreadB > 0 ? covariance / Math.Sqrt(spreadA * spreadB) : spreadA == spreadB ? 1 : 0;
    }
}
