namespace MergeTasks.Numerics.Optimizing;

/// <summary>
/// Chooses what to try next, knowing how earlier points rank: the tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl
/// 2011, "Algorithms for hyper-parameter optimization"), with kernels over all coordinates at once (Falkner, Klein and
/// Hutter 2018, "BOHB").
/// The best points make the density ℓ, all others g, and what is tried is the draw from ℓ whose ℓ/g is largest. The same seed and ranking
/// give the same choice, so a search that was interrupted goes on as if it had not been.
/// </summary>
/// <param name="dimensions">The coordinates; those on which others depend come first.</param>
/// <param name="seed">Decides everything that is random.</param>
internal sealed class ParzenSearch(IReadOnlyList<SearchDimension> dimensions, long seed)
{
    private const double BestShare = 0.15;
    private const int MostBest = 25;
    private const int Draws = 64;

    /// <summary>Points that are spread evenly before anything is learned from them.</summary>
    public int Spread { get; init; } = 10;

    /// <summary>What to try next, the most promising first; whoever has tried that takes the one after it. There is no end.</summary>
    /// <param name="ranked">The points that were tried, the best first.</param>
    public IEnumerable<double[]> Suggestions(IReadOnlyList<double[]> ranked)
    {
        var random = UniformNumbers.Of(seed, ranked.Count);
        if (ranked.Count < Spread)
        {
            yield return Even(ranked.Count);
        }
        else
        {
            var best = Math.Min(MostBest, (int)Math.Ceiling(BestShare * ranked.Count));
            var (good, other) = (
                new ParzenMixture(dimensions, [.. ranked.Take(best)]), new ParzenMixture(dimensions, [.. ranked.Skip(best)]));
            var drawn = Enumerable.Range(0, Draws).Select(_ => good.Draw(random)).ToList();
            foreach (var point in drawn.OrderByDescending(point => good.LogDensity(point) - other.LogDensity(point)))
                yield return point;
        }

        var anywhere = new ParzenMixture(dimensions, []);
        while (true)
            yield return anywhere.Draw(random);
    }

    // The additive sequence of the generalised golden ratio φ, φ^(d+1) = φ + 1, whose points lie far from each other however many there are
    // (Roberts 2018), from a place that the seed decides.
    private double[] Even(int index)
    {
        var ratio = 2.0;
        for (var i = 0; i < 64; i++)
            ratio = Math.Pow(1 + ratio, 1.0 / (dimensions.Count + 1));
        var start = new UniformNumbers(seed);
        var point = new double[dimensions.Count];
        for (var i = 0; i < point.Length; i++)
        {
            var unit = start.Next() + ((index + 1) * Math.Pow(ratio, -(i + 1)));
            point[i] = dimensions[i].IsActive?.Invoke(point) == false ? double.NaN : dimensions[i].At(unit - Math.Floor(unit));
        }

        return point;
    }
}
