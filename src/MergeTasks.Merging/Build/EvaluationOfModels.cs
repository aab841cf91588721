using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Build;

/// <summary>Measures models that belong to no merge. Results are cached, and shared with those of merges.</summary>
internal sealed class EvaluationOfModels
{
    private readonly int _threads;
    private readonly ContentStore _store;
    private readonly IdentifiedFiles _inputs = new();
    private readonly CpuEngine _engine;

    /// <summary>Prepares.</summary>
    /// <param name="cacheFolder">The user's cache folder.</param>
    /// <param name="threads">Threads to use; 0 for one per core.</param>
    /// <param name="shared">Results of other machines; <see langword="null"/>: none.</param>
    public EvaluationOfModels(string cacheFolder, int threads, ISharedEntries? shared = null)
    {
        _threads = MergeBuild.ThreadsOf(threads);
        var memo = new DigestMemo(cacheFolder);
        _store = new ContentStore(cacheFolder, new FileHasher(memo, _threads)) { Shared = shared };
        Hasher = new FileHasher(memo, _threads) { Identified = _inputs };
        _engine = new CpuEngine(new EngineOptions { Threads = _threads });
    }

    /// <summary>What models must be opened with to be evaluated.</summary>
    public FileHasher Hasher { get; }

    /// <summary>Measures one model.</summary>
    /// <param name="model">The model, opened with <see cref="Hasher"/>.</param>
    /// <param name="evaluations">What on.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>In the order of <paramref name="evaluations"/>.</returns>
    /// <exception cref="DiagnosticException">The engine does not run it, or data cannot be read.</exception>
    public IReadOnlyList<Measurement> Of(
        LookedModel model, IReadOnlyList<EvaluationDeclaration> evaluations, MergeProgress progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(evaluations);
        var place = evaluations.Count > 0 ? evaluations[0].Location : null;
        using var scores = new ScoreBuild(
            model.Label, place, _engine, _store, progress, new WorkerTeam(_threads, cancellation), _inputs, cancellation);
        var build = new EvaluationBuild(Hasher, scores);
        var measured = new OpenModel(new ModelDeclaration(model.Label, place!) { Folder = model.Input.Folder }, model.Input);
        return [.. evaluations.Select(evaluation => build.Measure(measured, evaluation))];
    }
}
