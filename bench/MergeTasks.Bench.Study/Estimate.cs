namespace MergeTasks.Bench.Study;

/// <summary>A figure with its values on resampled items (percentile bootstrap, Efron 1979).</summary>
/// <param name="Value">On the items themselves.</param>
/// <param name="Resampled">On each resample; figures of the same sets have the same resamples, so that differences are paired.</param>
internal sealed record Estimate(double Value, double[] Resampled)
{
    public const int Resamples = 1000;

    /// <summary>Lower end of the 95 % interval.</summary>
    public double Low { get; } = Quantile(Resampled, 0.025);

    /// <summary>Upper end of the 95 % interval.</summary>
    public double High { get; } = Quantile(Resampled, 0.975);

    /// <summary>The mean over a set's items.</summary>
    /// <param name="items">A figure of each item.</param>
    /// <param name="seed">Of the resamples: the same for the same set, another for another.</param>
    public static Estimate MeanOf(double[] items, int seed)
    {
        var random = new Random(seed);
        var means = new double[Resamples];
        for (var i = 0; i < means.Length; i++)
        {
            var sum = 0.0;
            for (var draw = 0; draw < items.Length; draw++)
                sum += items[random.Next(items.Length)];
            means[i] = sum / items.Length;
        }

        return new Estimate(items.Average(), means);
    }

    public static Estimate Average(IReadOnlyList<Estimate> figures) =>
        new(
            figures.Average(figure => figure.Value),
            [.. Enumerable.Range(0, Resamples).Select(i => figures.Average(figure => figure.Resampled[i]))]);

    public static Estimate operator -(Estimate left, Estimate right) => left.With(right, (a, b) => a - b);

    public static Estimate operator /(Estimate left, Estimate right) => left.With(right, (a, b) => a / b);

    private Estimate With(Estimate other, Func<double, double, double> combine) =>
        new(combine(Value, other.Value), [.. Resampled.Zip(other.Resampled, combine)]);

    private static double Quantile(double[] values, double share) => values.Order().ElementAt((int)Math.Round(share * (values.Length - 1)));
}
