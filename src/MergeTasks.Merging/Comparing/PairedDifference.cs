namespace MergeTasks.Merging.Comparing;

/// <summary>The mean over tasks of mean differences between two measurements of the same samples, with its 95 % interval.</summary>
internal static class PairedDifference
{
    // Quantile 0.975 of Student's t for 1, 2, 3, … degrees of freedom.
    private static readonly double[] Quantiles =
    [
        12.706,
        4.303,
        3.182,
        2.776,
        2.571,
        2.447,
        2.365,
        2.306,
        2.262,
        2.228,
        2.201,
        2.179,
        2.160,
        2.145,
        2.131,
        2.120,
        2.110,
        2.101,
        2.093,
        2.086,
        2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];

    /// <summary>The differences of each task's samples; tasks that were not measured afterwards are none.</summary>
    public static IReadOnlyList<double[]> Between(IReadOnlyList<double[]> before, IReadOnlyList<double[]> after) =>
    [
        .. before.Zip(after)
            .Where(pair => pair.Second.Length > 0)
            .Select(pair => pair.First.Zip(pair.Second, (was, value) => value - was).ToArray())
    ];

    /// <summary>
    /// The difference, and half the interval's width: t·√(Σ s²_t/n_t)/T over T tasks, t with Σ(n_t − 1) degrees of freedom; infinite where
    /// no task has two samples.
    /// </summary>
    /// <param name="tasks">The differences of each task's samples; no task is empty.</param>
    public static (double Mean, double Within) Of(IReadOnlyList<double[]> tasks)
    {
        var freedom = tasks.Sum(task => task.Length - 1);
        var variance = tasks.Where(task => task.Length > 1)
            .Sum(task =>
                task.Average() is var mean ? task.Sum(value => (value - mean) * (value - mean)) / (task.Length - 1) / task.Length : 0);
        return (tasks.Average(task => task.Average()),
            freedom < 1 ? double.PositiveInfinity : Quantile(freedom) * Math.Sqrt(variance) / tasks.Count);
    }

    /// <summary>Whether the whole interval lies above a value.</summary>
    /// <param name="tasks">The differences of each task's samples; no task is empty.</param>
    /// <param name="value">What the difference must exceed.</param>
    public static bool Exceeds(IReadOnlyList<double[]> tasks, double value) => Of(tasks) is var (mean, within) && mean - within > value;

    // Beyond the table, the usual expansion around the normal distribution's.
    private static double Quantile(int freedom) => freedom <= Quantiles.Length ? Quantiles[freedom - 1] : 1.96 + (2.37 / freedom);
}
