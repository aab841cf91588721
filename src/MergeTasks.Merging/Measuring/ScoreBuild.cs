using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Merging.Measuring;

/// <summary>Computes what one merge needs and the cache lacks, and turns what goes wrong into diagnostics.</summary>
internal sealed class ScoreBuild : IDisposable
{
    private readonly string _merge;
    private readonly SourceLocation? _location;
    private readonly ScoringContext _context;
    private readonly string? _temporary;

    /// <summary>A build of scores.</summary>
    /// <param name="merge">The merge's name, for messages.</param>
    /// <param name="location">Where it is declared.</param>
    /// <param name="engine">Runs models.</param>
    /// <param name="store">Keeps scores; where it cannot be written, a temporary one serves for this build alone.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="team">Threads.</param>
    /// <param name="inputs">The files that keys of scores are about.</param>
    /// <param name="cancellation">Ends the work.</param>
    public ScoreBuild(
        string merge,
        SourceLocation? location,
        ITransformerEngine engine,
        ContentStore store,
        MergeProgress progress,
        WorkerTeam team,
        IdentifiedFiles inputs,
        CancellationToken cancellation)
    {
        (_merge, _location) = (merge, location);
        if (!store.IsWritable())
        {
            _temporary = Directory.CreateTempSubdirectory("mergetasks-scores-").FullName;
            store = new ContentStore(_temporary, new FileHasher(new DigestMemo(_temporary), team.Count))
            {
                SizeLimit = long.MaxValue,
                Shared = store.Shared,
            };
        }

        _context = new ScoringContext(engine, store, progress, team, inputs, cancellation);
    }

    /// <summary>Makes sure that scores are in the store.</summary>
    /// <exception cref="DiagnosticException">A score cannot be computed.</exception>
    public void Ensure(IEnumerable<ScoreRequest> requests)
    {
        foreach (var request in requests)
            Guarded(() => request, () => _context.PathOf(request));
    }

    /// <summary>Tells of the scores that the store lacks, before any is computed.</summary>
    /// <param name="requests">What is wanted.</param>
    public void Announce(IEnumerable<ScoreRequest> requests)
    {
        var missing = Missing(requests, _context.Store, _context.Cancellation);
        if (missing.Count > 0)
            _context.Progress.Planned(missing.Count, missing.Sum(request => Guarded(() => request, () => request.Work().Tokens)));
    }

    /// <summary>Those of some scores that a store lacks.</summary>
    public static List<ScoreRequest> Missing(IEnumerable<ScoreRequest> requests, ContentStore store, CancellationToken cancellation) =>
    [
        .. requests.DistinctBy(request => request.Key.Digest)
            .Where(request => !store.Has(request.Key.Digest, path => ScoreFile.IsOf(path, request), cancellation))
    ];

    /// <summary>Tells something about the merge.</summary>
    public void Note(string message) => _context.Progress.Note($"{_merge}: {message}");

    public void Dispose()
    {
        if (_temporary is not null)
            Directory.Delete(_temporary, recursive: true);
    }

    /// <summary>What computing uses.</summary>
    public ScoringContext Context => _context;

    /// <summary>Does something for a score, and turns what goes wrong into diagnostics.</summary>
    /// <param name="of">The score, as far as it is known by then.</param>
    /// <param name="action">The work.</param>
    public T Guarded<T>(Func<ScoreRequest?> of, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e)
            when ((e is ModelException or TokenizerException or CheckpointException or DiagnosticException || FileFault.Covers(e))
            && _context.Inputs.Changed().FirstOrDefault() is { } changed)
        {
            // Whatever was found in a file that is half one thing and half another is no fault of either.
            throw Fault(DiagnosticCode.UnreadableInput, of(), FileFault.Changed(changed).Message);
        }
        catch (ModelException e)
        {
            throw Fault(CodeOf(e.Error), of(), e.Message);
        }
        catch (TokenizerException e)
        {
            throw Fault(DiagnosticCode.NotScorable, of(), e.Message);
        }
        catch (CheckpointException e)
        {
            throw FileDiagnostics.From(e, of()?.Model.Location ?? _location);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw Fault(DiagnosticCode.UnreadableInput, of(), FileFault.Describe(e));
        }
    }

    private static DiagnosticCode CodeOf(ModelError error) => error switch
    {
        ModelError.BadInput => DiagnosticCode.BadScoringData,
        ModelError.NoDevice => DiagnosticCode.DeviceLibraries,
        ModelError.NoMemory => DiagnosticCode.DeviceTooSmall,
        _ => DiagnosticCode.NotScorable,
    };

    private DiagnosticException Fault(DiagnosticCode code, ScoreRequest? request, string message)
    {
        var what = request is null ? "scores" : $"{request.Phase} of '{request.Model.Label}'";
        var location = code == DiagnosticCode.BadScoringData ? request?.Data?.Location ?? request?.Model.Location : request?.Model.Location;
        return new DiagnosticException(code, $"Merge '{_merge}', {what}: {message}", location ?? _location);
    }
}
