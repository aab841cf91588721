using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Metrics;

/// <summary>Token ids of which those from some position on are targets.</summary>
/// <param name="Ids">The ids.</param>
/// <param name="FirstTarget">Position of the first target, at least 1.</param>
internal sealed record ScoredSequence(IReadOnlyList<int> Ids, int FirstTarget)
{
    /// <summary>Number of target tokens.</summary>
    public int TargetCount => Ids.Count - FirstTarget;

    /// <summary>The targets, as sequence number <paramref name="sequence"/> of a batch.</summary>
    /// <param name="sequence">Index in the batch.</param>
    /// <param name="weight">Weight of each.</param>
    public IEnumerable<Target> Targets(int sequence, double weight = 1) =>
        Enumerable.Range(FirstTarget, TargetCount).Select(position => new Target(sequence, position - 1, Ids[position], weight));
}
