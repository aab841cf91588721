using MergeTasks.Caching;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>What computing a score may use.</summary>
/// <param name="Engine">Runs models.</param>
/// <param name="Store">Keeps scores.</param>
/// <param name="Progress">Hears of progress.</param>
/// <param name="Team">Threads for everything beside the engine.</param>
/// <param name="Inputs">The files that keys of scores are about.</param>
/// <param name="Cancellation">Ends the work.</param>
internal sealed record ScoringContext(
    ITransformerEngine Engine,
    ContentStore Store,
    MergeProgress Progress,
    WorkerTeam Team,
    IdentifiedFiles Inputs,
    CancellationToken Cancellation)
{
    /// <summary>The file of a score, computed first where the store lacks it.</summary>
    /// <exception cref="Files.FileFault">A file changed that the score was computed from; the store keeps nothing.</exception>
    public string PathOf(ScoreRequest request) => Store.GetOrAdd(request.Key.Digest, path => ScoreFile.IsOf(path, request), path =>
    {
        request.Compute(this, path);
        Inputs.RequireUnchanged();
    }, Progress.Waiting, Cancellation);
}
