namespace MergeTasks.Bench.Study;

/// <summary>A merge with one factor of its change.</summary>
/// <param name="Factor">The factor.</param>
/// <param name="Even">Recovery on the items at even positions, mean of the tasks.</param>
/// <param name="Odd">On those at odd positions.</param>
/// <param name="Exact">Share of odd items answered exactly, mean of the tasks.</param>
/// <param name="Divergence">Mean over texts of KL(base ‖ merge).</param>
internal sealed record CurvePoint(double Factor, double Even, Estimate Odd, double Exact, double Divergence);

/// <summary>A method with what goes around it, over factors of the merged change.</summary>
/// <param name="Method">The merge method.</param>
/// <param name="Variant">What goes around it.</param>
/// <param name="Points">One for each factor.</param>
internal sealed record Curve(string Method, string Variant, IReadOnlyList<CurvePoint> Points)
{
    /// <summary>The point that is best on the even items: what is said of it is of the odd ones.</summary>
    public CurvePoint Best => Points.MaxBy(point => point.Even)!;

    /// <summary>
    /// A point's recovery: the share of each fine-tuned model's gain in log-probability over the base that the merge keeps, mean of the
    /// tasks.
    /// </summary>
    public static CurvePoint PointOf(double factor, Measured merged, Measured baseModel, IReadOnlyList<Measured> tuned)
    {
        var tasks = Enumerable.Range(0, tuned.Count).ToList();
        return new CurvePoint(
            factor,
            tasks.Average(task => Recoveries(task, 0).Average()),
            Estimate.Average([.. tasks.Select(task => Estimate.MeanOf(Recoveries(task, 1), task))]),
            tasks.Average(task => Half(merged.Exact[task], 1).Average()),
            merged.Divergence.Average());

        double[] Recoveries(int task, int half)
        {
            var (own, origin) = (Half(merged.LogProbability[task], half), Half(baseModel.LogProbability[task], half));
            var gain = Half(tuned[task].LogProbability[task], half).Average() - origin.Average();
            return [.. own.Zip(origin, (value, start) => (value - start) / gain)];
        }
    }

    private static double[] Half(double[] items, int half) => [.. items.Where((_, i) => i % 2 == half)];
}
