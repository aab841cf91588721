namespace MergeTasks.Merging.Measuring;

/// <summary>Quantile 0.975 of Student's t: half of a 95 % interval in standard errors.</summary>
internal static class StudentQuantile
{
    // For 1, 2, 3, … degrees of freedom.
    private static readonly double[] Table =
    [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
        2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];

    /// <summary>The quantile; beyond the table, the usual expansion around the normal distribution's.</summary>
    /// <param name="freedom">Degrees of freedom, at least 1.</param>
    public static double Of(int freedom) => freedom <= Table.Length ? Table[freedom - 1] : 1.96 + (2.37 / freedom);
}
