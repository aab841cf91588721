using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Execution.Importance;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Importance;

namespace MergeTasks.Merging.Comparing;

/// <summary>A merge after its scores have said what is made of it: by which of its plans, and with which importance.</summary>
internal sealed class DecidedMerge : IDisposable
{
    private readonly LoadedImportance? _own;
    private readonly LoadedImportance? _other;

    private DecidedMerge(LoadedImportance? own, MergePlan? madeBy, LoadedImportance? other) =>
        (_own, MadeBy, _other) = (own, madeBy, other);

    /// <summary>The plan by which tensors are made where it is not the merge's own; it has the same tensors.</summary>
    public MergePlan? MadeBy { get; }

    /// <summary>What AIM and APL do to the tensors; <see langword="null"/>: nothing.</summary>
    public LoadedImportance? Importance => _other ?? _own;

    /// <summary>What manifest and card tell of it; <see langword="null"/> where nothing is scored.</summary>
    public ImportanceReport? Report => _own?.Report;

    /// <summary>Decides, computing the scores that the store lacks.</summary>
    /// <exception cref="DiagnosticException">A score cannot be computed.</exception>
    public static DecidedMerge Of(MergePlan plan, ScoreBuild scores)
    {
        if (plan.Importance is null)
            return new DecidedMerge(null, null, null);
        scores.Ensure(plan.Importance.Requests);
        var check = plan.Measured is null ? null : scores.Guarded(() => null, () => SelfCheck.Run(plan, scores.Context));
        var own = scores.Guarded(() => null, () => LoadedImportance.Load(plan, scores.Context, check));
        if (check?.LeftOut is not { } steps)
            return new DecidedMerge(own, null, null);
        try
        {
            var madeBy = plan.Without[steps];
            var quiet = scores.Context with { Progress = QuietProgress.Of(scores.Context.Progress) };
            return new DecidedMerge(own, madeBy, scores.Guarded(() => null, () => LoadedImportance.Load(madeBy, quiet, check)));
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _own?.Dispose();
        _other?.Dispose();
    }
}
