namespace MergeTasks.Merging.Reporting;

/// <summary>The 95 % interval of a share of samples.</summary>
internal static class WilsonInterval
{
    /// <summary>Of the standard normal distribution, for 95 %.</summary>
    public const double Quantile = 1.959963984540054;

    /// <summary>Wilson's score interval (1927), which stays within 0 and 1 and is of use for shares near them.</summary>
    /// <param name="share">The share.</param>
    /// <param name="count">Samples; at least 1.</param>
    public static (double Low, double High) Of(double share, long count)
    {
        var squared = Quantile * Quantile;
        var middle = (share + (squared / (2 * count))) / (1 + (squared / count));
        var half = Quantile / (1 + (squared / count)) * Math.Sqrt((share * (1 - share) / count) + (squared / (4.0 * count * count)));
        return (Math.Max(0, middle - half), Math.Min(1, middle + half));
    }
}
