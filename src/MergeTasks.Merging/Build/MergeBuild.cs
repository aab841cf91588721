using System.Diagnostics.CodeAnalysis;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Comparing;
using MergeTasks.Merging.Execution;
using MergeTasks.Merging.Execution.Importance;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Outputs.Importance;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Importance;
using MergeTasks.Merging.Reporting;
using MergeTasks.Merging.Searching;
using MergeTasks.Methods.Loading;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Build;

/// <summary>The whole build of a project's merges as library calls: validate, plan, run one.</summary>
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
        ForEach(merges, merge =>
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
        ForEach(merges, merge => states.Add(OutputState.Inspect(
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
        var (hasher, inputs) = (Hasher(), new IdentifiedFiles());
        using var planner = Planner(Hasher(inputs));
        var needed = PlanUpstream(name, planner, inputs, cancellation);
        var state = OutputState.Inspect(new MergeOutput(planner.Plan(needed[^1], cancellation)), hasher, cancellation);
        if (state.IsFresh)
            return state;
        var isReadSoon = merges.Any(merge => MergeOrder.Upstream(merge).Contains(name, StringComparer.OrdinalIgnoreCase));
        if (!NeedsScores(state))
        {
            new MergeExecutor(Memo(), _threads, inputs, progress) { IsReadSoon = isReadSoon }.Execute(state, cancellation);
            return state;
        }

        using var scores = Scores(state.Plan, inputs, progress, cancellation);
        scores.Announce(state.Plan.Importance!.Requests.Concat(SelfCheck.Requests(state.Plan)));
        Ensure(scores, state.Plan.Importance!);
        using var decided = DecidedMerge.Of(state.Plan, scores);
        state = OutputState.Inspect(state.Output.With(decided.Report!), hasher, cancellation);
        new MergeExecutor(Memo(), _threads, inputs, progress)
        {
            IsReadSoon = isReadSoon,
            Importance = decided.Importance,
            MadeBy = decided.MadeBy,
        }.Execute(state, cancellation);
        return state;
    }

    /// <summary>
    /// Computes the scores that one merge needs and the cache lacks. <see cref="Run"/> does so too; this only makes it a step of its own.
    /// Merges whose output it uses must have been run before.
    /// </summary>
    /// <returns>What was found of the output; nothing is computed where that is complete, or where the cache cannot be written.</returns>
    /// <exception cref="DiagnosticException">With what is wrong.</exception>
    public OutputState Score(string name, MergeProgress progress, CancellationToken cancellation)
    {
        var inputs = new IdentifiedFiles();
        using var planner = Planner(Hasher(inputs));
        var needed = PlanUpstream(name, planner, inputs, cancellation);
        var state = OutputState.Inspect(new MergeOutput(planner.Plan(needed[^1], cancellation)), Hasher(), cancellation);
        if (!NeedsScores(state) || !Store().IsWritable())
            return state;
        using var scores = Scores(state.Plan, inputs, progress, cancellation);
        scores.Announce(state.Plan.Importance!.Requests.Concat(SelfCheck.Requests(state.Plan)));
        Ensure(scores, state.Plan.Importance!);

        // What is found is told when the merge is written.
        if (state.Plan.Measured is not null)
            scores.Guarded(() => null, () => SelfCheck.Run(state.Plan, scores.Context with { Progress = QuietProgress.Of(progress) }));
        return state;
    }

    /// <summary>
    /// Measures merges, and the models that they were made from, as far as the cache lacks the results, and tells of it in the outputs'
    /// manifests and model cards.
    /// </summary>
    /// <param name="evaluations">What to measure.</param>
    /// <param name="lockFileOf">A merge's lock file, held while its manifest is written.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>In the order of the declarations.</returns>
    /// <exception cref="DiagnosticException">A merge has not been made, or something cannot be measured.</exception>
    public IReadOnlyList<MergeEvaluation> Evaluate(
        IReadOnlyList<EvaluationDeclaration> evaluations,
        Func<string, string> lockFileOf,
        MergeProgress progress,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(evaluations);
        ArgumentNullException.ThrowIfNull(lockFileOf);
        var inputs = new IdentifiedFiles();
        var reading = Hasher(inputs);
        using var planner = Planner(reading);
        var states = new Dictionary<string, OutputState>(StringComparer.OrdinalIgnoreCase);
        ForEach(
            merges,
            merge => states[merge.Name] = OutputState.Inspect(new MergeOutput(planner.Plan(merge, cancellation)), reading, cancellation));
        var results = new List<MergeEvaluation>();
        foreach (var evaluation in evaluations)
        {
            var state = states[evaluation.Merge];
            if (!state.HoldsModel)
                throw new DiagnosticException(
                        DiagnosticCode.OutputMissing,
                        $"Merge '{evaluation.Merge}' cannot be evaluated before it has been made: {string.Join("; ", state.Reasons)}.",
                        evaluation.Location);
            foreach (var upstream in MergeOrder.Upstream(state.Plan.Declaration))
                RequireMade(evaluation.Merge, states[upstream]);
            using var scores = Scores(state.Plan, inputs, progress, cancellation);
            results.Add(new EvaluationBuild(reading, scores).Run(state.Plan, evaluation));
        }

        foreach (var group in results.GroupBy(result => result.Declaration.Merge, StringComparer.OrdinalIgnoreCase))
        {
            using var own = Lock(group.Key, lockFileOf(group.Key), progress, cancellation);
            var output = states[group.Key].Output;
            var told = OutputState.Inspect(
                output.With([.. group.Select(result => ManifestEvaluation.From(result, output.Plan.TensorsDigest))]),
                Hasher(),
                cancellation);

            // Only these figures are added: an output that changed meanwhile is not this task's to mend.
            if (!told.IsFresh && told.StaleShards.Count == 0)
                new MergeExecutor(Memo(), _threads, new IdentifiedFiles(), progress).Execute(told, cancellation);
        }

        return results;
    }

    /// <summary>
    /// Searches the best settings of a merge and writes them to its search's file. Merges whose output it uses must have been run before;
    /// its own output is neither needed nor made. What was measured is kept, so a search that was ended goes on.
    /// </summary>
    /// <param name="name">The merge.</param>
    /// <param name="candidate">The merge with other settings.</param>
    /// <param name="progress">Hears of progress, and of what should be said of the result.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="DiagnosticException">Something cannot be measured, or no candidate can be used; nothing is written.</exception>
    public SearchRecord Search(
        string name, Func<SearchedSettings, MergeDeclaration> candidate, MergeProgress progress, CancellationToken cancellation)
    {
        var inputs = new IdentifiedFiles();
        var reading = Hasher(inputs);
        using var planner = Planner(reading);
        var merge = PlanUpstream(name, planner, inputs, cancellation)[^1];
        var search = merge.Search ?? throw merge.Fault(DiagnosticCode.IncompleteSearch, "no MergeSearch searches for it.");
        var first = planner.Plan(merge, cancellation);
        if (first.AdapterConfig is not null)
            throw merge.Fault(DiagnosticCode.NotScorable, "the output is an adapter, which is no model that a search could run.");
        using var scores = Scores(first, inputs, progress, cancellation);
        var measurable = new Measurable($"MergeSearch '{name}'", reading, Engine.NumericsVersion, cancellation);
        var (found, warnings) = new MergeSearch(
            search,
            (settings, change) => planner.Plan(change(candidate(settings)), cancellation),
            first,
            measurable,
            new SearchSpace(search.Axes, Methods),
            scores).Run();
        found.Write(search.File);
        foreach (var warning in warnings)
            progress.Warn(warning);
        return found;
    }

    /// <summary>Writes a page about each merge beside its output. No model is run; scores that the cache lacks are left out.</summary>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>Full paths of the pages.</returns>
    /// <exception cref="DiagnosticException">A merge has not been made, or a page cannot be written.</exception>
    public IReadOnlyList<string> Report(MergeProgress progress, CancellationToken cancellation)
    {
        var inputs = new IdentifiedFiles();
        var reading = Hasher(inputs);
        using var planner = Planner(reading);
        var pages = new List<string>();
        ForEach(merges, merge =>
        {
            var state = OutputState.Inspect(new MergeOutput(planner.Plan(merge, cancellation)), reading, cancellation);
            if (!state.HoldsModel)
                throw merge.Fault(
                    DiagnosticCode.OutputMissing, $"there is no report before it has been made: {string.Join("; ", state.Reasons)}.");
            using var scores = Scores(state.Plan, inputs, progress, cancellation);
            var gatherer = new ReportGatherer(OutputVerification.ManifestOf(merge.OutputFolder), scores.Context);
            var report = scores.Guarded(() => null, () => gatherer.Gather(state.Plan, null, reading));
            pages.Add(ReportFile.PathOf(merge.OutputFolder));
            ReportFile.Write(pages[^1], ReportPage.Of(report));
        });
        return pages;
    }

    /// <summary>For each score of a planned merge, whether it is cached or why it is not.</summary>
    public IReadOnlyList<string> ExplainScores(OutputState state, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(state);
        return ScoreReasons.Of(state.Plan, MergeManifest.Read(state.Plan.Declaration.OutputFolder)?.Importance, Store(), cancellation);
    }

    /// <summary>What a build of a planned merge would run for the scores that it lacks, one line each, and all together.</summary>
    public IReadOnlyList<string> ExplainWork(OutputState state, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (!NeedsScores(state))
            return [];
        var missing = ScoreBuild.Missing(
            state.Plan.Importance!.Requests.Concat(SelfCheck.Requests(state.Plan)), Store(), cancellation);
        using var scores = Scores(state.Plan, new IdentifiedFiles(), MergeProgress.None, cancellation);
        var works = missing.ConvertAll(request => (Request: request, Work: scores.Guarded(() => request, request.Work)));
        return works.Count == 0 ? [] :
        [
            .. works.Where(pair => pair.Work.Passes > 0).Select(pair => $"to run: {pair.Request.Model.Label}, {pair.Request.Phase}: {pair.Work}"),
            string.Create(
                System.Globalization.CultureInfo.InvariantCulture,
                $"to run: {works.Count} scores, about {works.Sum(pair => pair.Work.Tokens):N0} tokens in all")
        ];
    }

    // Scores decide tensors, and what manifest and model card say of them.
    private static bool NeedsScores(OutputState state) =>
        state.Plan.Importance is not null
            && (state.StaleShards.Count > 0
                || ((state.Plan.Importance.Apl is not null || state.Plan.Measured is not null) && state.Output.Report is null));

    private ScoreBuild Scores(MergePlan plan, IdentifiedFiles inputs, MergeProgress progress, CancellationToken cancellation) =>
        new(plan.Name, plan.Declaration.Location, Engine, Store(), progress, new WorkerTeam(_threads, cancellation), inputs, cancellation);

    private static void Ensure(ScoreBuild scores, ImportancePlan importance)
    {
        const int most = 5;
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

    private MergePlanner Planner(FileHasher? hasher) =>
        new(hasher, _threads, Engine.NumericsVersion) { Device = MatrixDevice, Methods = Methods };

    private OutputLock Lock(string name, string path, MergeProgress progress, CancellationToken cancellation)
    {
        try
        {
            return OutputLock.Acquire(path, Closure(name)[^1].OutputFolder, cacheFolder, progress.Waiting, cancellation);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new DiagnosticException(
                FileDiagnostics.Of(
                    DiagnosticCode.OutputUnwritable, $"Merge '{name}' needs a lock: ", e, path, FileAct.Write, Closure(name)[^1].Location));
        }
    }

    // Plans what a merge uses, and returns that and the merge itself, which comes last.
    private List<MergeDeclaration> PlanUpstream(string name, MergePlanner planner, IdentifiedFiles inputs, CancellationToken cancellation)
    {
        var needed = Closure(name);
        var reading = Hasher(inputs);
        foreach (var upstream in needed.SkipLast(1))
            RequireMade(name, OutputState.Inspect(new MergeOutput(planner.Plan(upstream, cancellation)), reading, cancellation));
        return needed;
    }

    // Keys name what an upstream merge should have made; reading anything else under them would be believed by every later build.
    private static void RequireMade(string name, OutputState upstream)
    {
        if (upstream.HoldsModel)
            return;
        throw new DiagnosticException(DiagnosticCode.UnreadableInput,
            $"Merge '{name}' uses the output of merge '{upstream.Plan.Name}', which is not what that merge "
                + $"makes: {string.Join("; ", upstream.Reasons)}. Run '{upstream.Plan.Name}' first.",
            upstream.Plan.Declaration.Location);
    }

    // The merge and those whose output it uses, directly or not, in the order of the project's merges.
    private List<MergeDeclaration> Closure(string name)
    {
        var needed = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { name };
        foreach (var merge in merges.Reverse().Where(merge => needed.Contains(merge.Name)))
            needed.UnionWith(MergeOrder.Upstream(merge));
        return [.. merges.Where(merge => needed.Contains(merge.Name))];
    }

    // A merge that needs a failed one would only repeat its errors, so the first failure of a chain is the one reported.
    private static void ForEach(IReadOnlyList<MergeDeclaration> merges, Action<MergeDeclaration> action)
    {
        var diagnostics = new List<Diagnostic>();
        var failed = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var merge in merges)
        {
            if (MergeOrder.Upstream(merge).Any(failed.Contains))
            {
                failed.Add(merge.Name);
                continue;
            }

            try
            {
                FileDiagnostics.Reading(merge.Name, merge.OutputFolder, merge.Location, () =>
                {
                    action(merge);
                    return true;
                });
            }
            catch (DiagnosticException e)
            {
                failed.Add(merge.Name);
                diagnostics.AddRange(e.Diagnostics);
            }
        }

        if (diagnostics.Count > 0)
            throw new DiagnosticException([.. diagnostics.Distinct()]);
    }

    // One for the whole build, so that an unwritable folder is told once.
    private DigestMemo Memo() => _memo ??= new(cacheFolder) { Unwritable = CacheUnwritable };

    // Entries are digested without a word: they are small beside models.
    private ContentStore Store() =>
        _store ??= new(cacheFolder, new FileHasher(Memo(), _threads)) { SizeLimit = CacheSizeLimit, Refreshes = RefreshesScores };

    /// <summary>Digests files, remembering what it finds.</summary>
    /// <param name="inputs">Hears of what it digests; <see langword="null"/> where the files may change afterwards.</param>
    public FileHasher Hasher(IdentifiedFiles? inputs = null) =>
        new(Memo(), _threads) { Reading = Digesting, Hashed = Digested, Identified = inputs };
}
