namespace MergeTasks.Transformers.Metrics;

/// <summary>How far the mean of measured numbers may be from that of all like them.</summary>
internal static class SampleError
{
    /// <summary>
    /// The standard error of a mean over all numbers whose groups, and not they themselves, are independent, as the tokens of texts are:
    /// √(K/(K−1) · Σ_k (Σ_j (x_kj − mean))²) / N over K groups with N numbers in all (Cochran, Sampling Techniques, 1977, chapter 6).
    /// With one number in each group it is the usual s/√n.
    /// </summary>
    /// <param name="groups">The groups; none is empty.</param>
    /// <returns>NaN for fewer than two groups.</returns>
    public static double OfMean(IReadOnlyList<IReadOnlyList<double>> groups)
    {
        var count = groups.Sum(group => (long)group.Count);
        var mean = groups.Sum(group => group.Sum()) / count;
        var squares = groups.Sum(group => Math.Pow(group.Sum(value => value - mean), 2));
        return groups.Count < 2 ? double.NaN : Math.Sqrt(squares * groups.Count / (groups.Count - 1)) / count;
    }

    /// <summary>The standard error of the mean of independent numbers, s/√n; NaN for fewer than two.</summary>
    public static double OfMean(IReadOnlyList<double> values) =>
        OfMean((IReadOnlyList<IReadOnlyList<double>>)[.. values.Select(value => (double[])[value])]);
}
