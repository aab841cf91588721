namespace MergeTasks.Merging.Searching;

/// <summary>What losses on one file are compared with, decided by the items that choose.</summary>
/// <param name="Best">The model that does best on the file.</param>
/// <param name="Guarded">The model that guards compare with: the base, or without one the best.</param>
/// <param name="Unit">The difference of losses, in nats, that is 1.</param>
/// <param name="IsRecovery">
/// Whether <paramref name="Unit"/> is how much better the best is than the base, or without one than the worst; otherwise it is the best
/// one's loss.
/// </param>
internal sealed record Yardstick(Measured Best, Measured Guarded, double Unit, bool IsRecovery)
{
    /// <summary>A smaller loss, in nats, is no measure of others: a model that is certain of everything has none.</summary>
    public const double LeastLoss = 0.01;

    // As a share of the loss of the base. What is not so much better makes every small change of a loss a large one.
    private const double LeastGain = 0.05;

    // In standard errors of the mean difference over items, about 98 %.
    private const double LeastCertainty = 2;

    /// <summary>What a file's losses are compared with.</summary>
    /// <param name="models">All models, with the base where there is one.</param>
    /// <param name="basis">The base; <see langword="null"/>: there is none.</param>
    /// <param name="file">Which file.</param>
    public static Yardstick Of(IReadOnlyList<Measured> models, Measured? basis, int file)
    {
        var best = models.MaxBy(model => model.Selecting[file].Average())!;
        var from = basis ?? models.MinBy(model => model.Selecting[file].Average())!;
        var gains = best.Selecting[file].Zip(from.Selecting[file], (own, other) => own - other).ToList();
        var gain = gains.Average();
        var error = Math.Sqrt(gains.Sum(value => (value - gain) * (value - gain)) / Math.Max(1, gains.Count - 1) / gains.Count);
        var isClear = double.IsFinite(gain)
            && gain > LeastCertainty * error
            && gain >= Math.Max(LeastLoss, LeastGain * -from.Selecting[file].Average());
        var loss = -best.Selecting[file].Average();
        return new Yardstick(best, basis ?? best, isClear ? gain : double.IsFinite(loss) ? Math.Max(LeastLoss, loss) : LeastLoss, isClear);
    }
}
