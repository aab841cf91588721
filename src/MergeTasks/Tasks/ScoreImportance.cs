using MergeTasks.Merging.Build;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Computes the scores that one merge needs and the cache lacks; a phase of a generated project.</summary>
[MSBuildMultiThreadableTask]
public sealed class ScoreImportance : MergePhase
{
    /// <summary>Whether scores are computed again although they are cached.</summary>
    public bool Refresh { get; set; }

    private protected override bool RefreshesScores => Refresh;

    private protected override void Run(MergeBuild build, RunningPhase? running, CancellationToken cancellation)
    {
        using var progress = new ScoringProgress(Log, MergeName, Report, running);
        new MergeScorer(build).Score(MergeName, progress, cancellation);
    }
}
