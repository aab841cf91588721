using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Comparing;

/// <summary>Tells how far work has come and not what was found, where a merge's scores are read once more.</summary>
internal sealed class QuietProgress : MergeProgress
{
    private readonly MergeProgress _inner;

    private QuietProgress(MergeProgress inner) => _inner = inner;

    /// <summary>A quieter one.</summary>
    public static MergeProgress Of(MergeProgress progress) => progress as QuietProgress ?? new QuietProgress(progress);

    public override void Waiting() => _inner.Waiting();

    public override void Planned(int scores, long tokens) => _inner.Planned(scores, tokens);

    public override void Scoring(string model, string phase, long tokens, string cost) => _inner.Scoring(model, phase, tokens, cost);

    public override void Scored(long tokens) => _inner.Scored(tokens);

    public override void Scored(long done, long all) => _inner.Scored(done, all);
}
