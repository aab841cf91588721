using System.Diagnostics.CodeAnalysis;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Comparing;
using MergeTasks.Merging.Execution;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Outputs.Parts;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Searching;
using MergeTasks.Methods.Loading;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Build;

/// <summary>
/// The build of a project's merges as library calls: validate, plan, run one. It has what <see cref="MergeScorer"/>,
/// <see cref="MergeEvaluator"/>, <see cref="MergeSearcher"/> and <see cref="MergeReporter"/> share.
/// </summary>
/// <param name="merges">All merges of the project, in the order of <see cref="DeclarationReader"/>.</param>
/// <param name="cacheFolder">The user's cache folder.</param>
/// <param name="threads">Threads to use; 0 for one per core, at most <see cref="MaxThreads"/>.</param>
internal sealed class MergeBuild(IReadOnlyList<MergeDeclaration> merges, string cacheFolder, int threads)
{
    /// <summary>More threads than this only wait for the disk, and each has its own buffers.</summary>
    public const int MaxThreads = 16;

    private readonly int _threads = ThreadsOf(threads);
    private DigestMemo? _memo;
    private ContentStore? _store;
    private ITransformerEngine? _engine;

    /// <summary>Threads for a wish; 0 for one per core.</summary>
    public static int ThreadsOf(int wanted) => Math.Clamp(wanted > 0 ? wanted : Environment.ProcessorCount, 1, MaxThreads);

    /// <summary>All merges of the project.</summary>
    internal IReadOnlyList<MergeDeclaration> Merges => merges;

    /// <summary>Where scores are kept.</summary>
    internal string CacheFolder => cacheFolder;

    /// <summary>Runs models for scoring; by default, and for <see langword="null"/>, the built-in engine on the processor.</summary>
    [AllowNull]
    public ITransformerEngine Engine
    {
        get => _engine ??= new CpuEngine(new EngineOptions { Threads = _threads });
        init => _engine = value;
    }

    /// <summary>Where methods on whole matrices compute; <see langword="null"/>: on the processor.</summary>
    public IMatrixDevice? MatrixDevice { get; init; }

    /// <summary>Finds methods; that of whoever read the declarations, so that an assembly is read once.</summary>
    public MethodCatalog Methods { get; init; } = new();

    /// <summary>Most bytes of scores that the cache keeps.</summary>
    public long CacheSizeLimit { get; init; } = ContentStore.DefaultSizeLimit;

    /// <summary>Whether scores are computed again although they are cached.</summary>
    public bool RefreshesScores { get; init; }

    /// <summary>Scores that other machines have made, and that take what this one makes; <see langword="null"/>: none.</summary>
    public ISharedEntries? SharedScores { get; init; }

    /// <summary>Whether outputs are only put together of parts: one that is missing is an error.</summary>
    public bool OnlyAssembles { get; init; }

    /// <summary>Called before a file is read to digest it, with its path and bytes.</summary>
    public Action<string, long>? Digesting { get; init; }

    /// <summary>Called from any thread as bytes are digested.</summary>
    public Action<long>? Digested { get; init; }

    /// <summary>Called if the cache cannot be written, with the reason; building goes on without it.</summary>
    public Action<string>? CacheUnwritable { get; init; }

    /// <summary>Checks all merges without reading tensor data.</summary>
    /// <returns>What should be said of them although they are valid.</returns>
    /// <exception cref="DiagnosticException">With everything that is wrong.</exception>
    public IReadOnlyList<Diagnostic> Validate(CancellationToken cancellation)
    {
        RequireOwnCache();
        using var planner = Planner(null);
        var warnings = new List<Diagnostic>();
        MergeOrder.ForEach(merges, merge =>
        {
            var plan = SearchState.Told(planner.Plan(merge, cancellation), null, cancellation);
            OutputOwnership.WhileSteady(
                merge, () => OutputOwnership.Require(merge, new MergeOutput(plan).FileNames, null, cancellation), cancellation);
            warnings.AddRange(plan.Warnings);
        });
        return warnings;
    }

    /// <summary>Plans all merges and compares each with its output.</summary>
    /// <exception cref="DiagnosticException">With everything that is wrong.</exception>
    public IReadOnlyList<OutputState> Plan(CancellationToken cancellation)
    {
        RequireOwnCache();
        var hasher = Hasher();
        using var planner = Planner(hasher);
        var states = new List<OutputState>();
        MergeOrder.ForEach(merges, merge => states.Add(OutputState.Inspect(
            new MergeOutput(SearchState.Told(planner.Plan(merge, cancellation), hasher, cancellation)), hasher, cancellation)));
        return states;
    }

    /// <summary>Makes one merge's output, unless it is made already. Merges whose output it uses must have been run before.</summary>
    /// <param name="name">The merge.</param>
    /// <param name="lockFile">Held while writing, so that two builds do not make the same output at once.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work, leaving the earlier output as it was.</param>
    /// <returns>What was found, and so what was done.</returns>
    /// <exception cref="DiagnosticException">With what is wrong.</exception>
    public OutputState Run(string name, string lockFile, MergeProgress progress, CancellationToken cancellation)
    {
        using var own = Lock(name, lockFile, progress, cancellation);
        return Make(name, progress, (executor, state) => executor.Execute(state, cancellation), cancellation);
    }

    /// <summary>
    /// Makes some of the weight files of one merge's output, in a folder beside it: several machines may do so at the same time, each
    /// another part. A later <see cref="Run"/> puts them together.
    /// </summary>
    /// <param name="name">The merge.</param>
    /// <param name="part">Which part.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work, leaving nothing.</param>
    /// <returns>What was found of the output, and how many files were made.</returns>
    /// <exception cref="DiagnosticException">With what is wrong.</exception>
    public (OutputState State, int Made) RunPart(
        string name, PartChoice part, MergeProgress progress, CancellationToken cancellation)
    {
        var made = 0;
        var state = Make(
            name,
            progress,
            (executor, found) => made = executor.ExecutePart(found, part, Hasher(), cancellation),
            cancellation);
        return (state, made);
    }

    private OutputState Make(
        string name, MergeProgress progress, Action<MergeExecutor, OutputState> execute, CancellationToken cancellation)
    {
        var (hasher, inputs) = (Hasher(), new IdentifiedFiles());
        using var planner = Planner(Hasher(inputs));
        var merge = PlanUpstream(name, planner, inputs, cancellation);
        var state = StateOf(merge, planner, hasher, cancellation);
        if (state.IsFresh)
            return state;
        using var scores = NeedsScores(state) ? Scores(state.Plan, inputs, progress, cancellation) : null;
        using var decided = scores is null ? null : Decided(state.Plan, scores);
        if (decided is not null)
            state = OutputState.Inspect(state.Output.With(decided.Report!), hasher, cancellation);
        execute(
            new MergeExecutor(Memo(), _threads, inputs, progress)
            {
                IsReadSoon = merges.Any(other => MergeOrder.Upstream(other).Contains(name, StringComparer.OrdinalIgnoreCase)),
                Importance = decided?.Importance,
                MadeBy = decided?.MadeBy,
                Parts = new OutputParts(state.Plan, hasher),
                OnlyAssembles = OnlyAssembles,
            },
            state);
        return state;

        static DecidedMerge Decided(MergePlan plan, ScoreBuild scores)
        {
            Ensure(scores, plan);
            return DecidedMerge.Of(plan, scores);
        }
    }

    /// <summary>Plans a merge and compares it with its output.</summary>
    internal static OutputState StateOf(
        MergeDeclaration merge, MergePlanner planner, FileHasher hasher, CancellationToken cancellation) =>
        OutputState.Inspect(new MergeOutput(planner.Plan(merge, cancellation)), hasher, cancellation);

    /// <summary>Whether scores decide what is to be written: tensors, or what manifest and model card say of them.</summary>
    internal static bool NeedsScores(OutputState state) =>
        state.Plan.Importance is not null
            && (state.StaleShards.Count > 0
                || ((state.Plan.Importance.Apl is not null || state.Plan.Measured is not null) && state.Output.Report is null));

    /// <summary>Computes the scores of a plan and keeps them.</summary>
    /// <param name="plan">Whose they are.</param>
    /// <param name="inputs">Hears of what is read.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work.</param>
    internal ScoreBuild Scores(MergePlan plan, IdentifiedFiles inputs, MergeProgress progress, CancellationToken cancellation) =>
        new(plan.Name, plan.Declaration.Location, Engine, Store(), progress, new WorkerTeam(_threads, cancellation), inputs, cancellation);

    /// <summary>Computes what a plan's importance needs, and tells beforehand what that is and which tensors have none.</summary>
    internal static void Ensure(ScoreBuild scores, MergePlan plan)
    {
        const int most = 5;
        var importance = plan.Importance!;
        scores.Announce(importance.Requests.Concat(SelfCheck.Requests(plan)));
        if (importance.WithoutBase is { Count: > 0 } names)
        {
            scores.Note($"'{importance.BaseDeclaration.Label}' has no tensor of the same name and shape for {names.Count} tensor(s), "
                + $"which AIM and APL leave as merged: {string.Join(", ", names.Take(most))}{(names.Count > most ? ", …" : "")}.");
        }

        scores.Ensure(importance.Requests);
    }

    private void RequireOwnCache()
    {
        var faults = OutputFolders.CheckCache(merges, Path.GetFullPath(cacheFolder)).ToList();
        if (faults.Count > 0)
            throw new DiagnosticException(faults);
    }

    /// <summary>Plans merges.</summary>
    /// <param name="hasher">Digests inputs; <see langword="null"/>: nothing is digested.</param>
    internal MergePlanner Planner(FileHasher? hasher) =>
        new(hasher, _threads, Engine.NumericsVersion) { Device = MatrixDevice, Methods = Methods };

    /// <summary>Adds to outputs what has been found of them.</summary>
    internal void Tell(OutputState told, MergeProgress progress, CancellationToken cancellation) =>
        new MergeExecutor(Memo(), _threads, new IdentifiedFiles(), progress).Execute(told, cancellation);

    /// <summary>Waits until nobody else writes a merge's output.</summary>
    internal OutputLock Lock(string name, string path, MergeProgress progress, CancellationToken cancellation)
    {
        var merge = merges.First(merge => merge.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        try
        {
            return OutputLock.Acquire(path, merge.OutputFolder, cacheFolder, progress.Waiting, cancellation);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new DiagnosticException(
                FileDiagnostics.Of(
                    DiagnosticCode.OutputUnwritable, $"Merge '{name}' needs a lock: ", e, path, FileAct.Write, merge.Location));
        }
    }

    /// <summary>Plans what a merge uses, which must have been made, and returns the merge itself.</summary>
    internal MergeDeclaration PlanUpstream(string name, MergePlanner planner, IdentifiedFiles inputs, CancellationToken cancellation)
    {
        var needed = MergeOrder.WithUpstream(merges, name);
        var reading = Hasher(inputs);
        foreach (var upstream in needed.SkipLast(1))
            RequireMade(name, StateOf(upstream, planner, reading, cancellation));
        return needed[^1];
    }

    /// <summary>
    /// Keys name what an upstream merge should have made; anything else that was read under them every later build would believe.
    /// </summary>
    internal static void RequireMade(string name, OutputState upstream)
    {
        if (upstream.HoldsModel)
            return;
        throw new DiagnosticException(DiagnosticCode.UnreadableInput,
            $"Merge '{name}' uses the output of merge '{upstream.Plan.Name}', which is not what that merge "
                + $"makes: {string.Join("; ", upstream.Reasons)}. Run '{upstream.Plan.Name}' first.",
            upstream.Plan.Declaration.Location);
    }

    /// <summary>What is remembered of files; one for the whole build, so that an unwritable folder is told once.</summary>
    internal DigestMemo Memo() => _memo ??= new(cacheFolder) { Unwritable = CacheUnwritable };

    /// <summary>Where scores are kept. Entries are digested without a word: they are small beside models.</summary>
    internal ContentStore Store() => _store ??= new(cacheFolder, new FileHasher(Memo(), _threads))
    {
        SizeLimit = CacheSizeLimit,
        Refreshes = RefreshesScores,
        Shared = SharedScores,
    };

    /// <summary>Digests files, remembering what it finds.</summary>
    /// <param name="inputs">Hears of what it digests; <see langword="null"/> where the files may change afterwards.</param>
    public FileHasher Hasher(IdentifiedFiles? inputs = null) =>
        new(Memo(), _threads) { Reading = Digesting, Hashed = Digested, Identified = inputs };
}
