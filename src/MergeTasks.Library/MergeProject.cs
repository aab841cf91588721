using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Caching.Remote;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Outputs;
using MergeTasks.Sources.Contract;

namespace MergeTasks.Library;

/// <summary>
/// Merges that belong together, declared as in a project file, and what can be done with them. Outputs, cached scores and everything that
/// is checked are those of a build: running again does nothing, and a changed input redoes only what depends on it. Not safe for use by
/// several threads at once; several projects, and processes, may work at the same time.
/// </summary>
/// <param name="folder">Where relative paths start. Outputs belong to it: another project does not overwrite them.</param>
/// <param name="outputFolder">Gets one folder per merge.</param>
public sealed class MergeProject(string folder, string outputFolder)
{
    private readonly string _file = Path.Combine(Path.GetFullPath(folder), "merges");
    private readonly string _output = Path.TrimEndingDirectorySeparator(Path.GetFullPath(outputFolder, Path.GetFullPath(folder)));
    private readonly List<DeclaredItem> _merges = [];
    private readonly List<DeclaredItem> _sources = [];
    private readonly List<DeclaredItem> _methods = [];
    private readonly List<DeclaredItem> _evaluations = [];
    private readonly List<DeclaredItem> _searches = [];
    private readonly List<DeclaredItem> _axes = [];
    private RemoteCache? _shared;

    /// <summary>The folder of digests and scores; by default <c>MERGETASKS_CACHE</c>, else the user's cache folder.</summary>
    public string CacheFolder { get; init; } = Caching.CacheFolder.Resolve(null, Environment.GetEnvironmentVariable);

    /// <summary>
    /// Address of a cache of scores that machines share, which speaks the Bazel remote cache's HTTP protocol; by default
    /// <c>MERGETASKS_CACHE_URL</c>, else none. <c>none</c>: none although that is set.
    /// </summary>
    public string? CacheUrl { get; init; }

    /// <summary>Whether the shared cache is read and nothing put into it; by default <c>MERGETASKS_CACHE_READONLY</c>, else not.</summary>
    public bool? CacheReadOnly { get; init; }

    /// <summary>Threads to use; 0, the default, for one per core, at most 16.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// Values of metadata that merges do not set themselves, by name (<c>DType</c>, <c>Seed</c>, <c>MaxShardSize</c>, …).
    /// </summary>
    public IReadOnlyDictionary<string, string> Defaults { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether models from elsewhere must be on this machine already.</summary>
    public bool Offline { get; init; }

    /// <summary>
    /// Folder of the SDK whose NuGet client fetches <c>nuget:</c> references; by default the newest SDK beside the runtime that runs this.
    /// </summary>
    public string? SdkFolder { get; init; } = RunningSdk.Find();

    /// <summary>
    /// Full path of the recipe file that stands for a project file, and beside which the lock file lies; <see langword="null"/>: the
    /// project is its folder.
    /// </summary>
    internal string? Recipe { get; init; }

    /// <summary>Hears, from any thread, of what should be said although work goes on.</summary>
    public Action<MergeProblem>? Warned { get; init; }

    /// <summary>Hears, from any thread, of results of scoring that are worth a line in a log.</summary>
    public Action<string>? Noted { get; init; }

    /// <summary>Declares a merge, as the item <c>MergedModel</c> does: a name with metadata, or a recipe file (.yml, .yaml).</summary>
    /// <param name="include">The merge's name, or the recipe's path.</param>
    /// <param name="metadata">Names and values as in a project file: <c>("Method", "ties")</c>, <c>("Density", "0.5")</c>.</param>
    /// <returns>This project.</returns>
    public MergeProject Merge(string include, params (string Name, string Value)[] metadata) =>
        Add(_merges, "MergedModel", include, metadata);

    /// <summary>Declares a model that goes into a merge, as the item <c>MergeSource</c> does.</summary>
    /// <param name="include">A folder, <c>hf:org/name@revision</c>, <c>nuget:Id/1.2.0</c>, an adapter's folder, or another merge's
    /// name.</param>
    /// <param name="metadata">Names and values as in a project file: <c>("Into", "assistant")</c>, <c>("Weight", "0.6")</c>.</param>
    /// <returns>This project.</returns>
    public MergeProject Source(string include, params (string Name, string Value)[] metadata) =>
        Add(_sources, "MergeSource", include, metadata);

    /// <summary>Brings an assembly with methods, as the item <c>MergeMethod</c> does.</summary>
    /// <param name="include">The assembly's path.</param>
    /// <returns>This project.</returns>
    public MergeProject Method(string include) => Add(_methods, "MergeMethod", include, []);

    /// <summary>Declares what a merge is measured on, as the item <c>MergeEvaluation</c> does.</summary>
    /// <param name="include">A JSONL file of texts or samples.</param>
    /// <param name="metadata">Names and values as in a project file: <c>("Into", "assistant")</c>.</param>
    /// <returns>This project.</returns>
    public MergeProject Evaluation(string include, params (string Name, string Value)[] metadata) =>
        Add(_evaluations, "MergeEvaluation", include, metadata);

    /// <summary>Declares a search for the best settings of a merge, as the item <c>MergeSearch</c> does.</summary>
    /// <param name="include">The merge's name.</param>
    /// <param name="metadata">Names and values as in a project file: <c>("Evaluate", "eval/code.jsonl")</c>, <c>("Budget", "40")</c>.</param>
    /// <returns>This project.</returns>
    public MergeProject SearchFor(string include, params (string Name, string Value)[] metadata) =>
        Add(_searches, "MergeSearch", include, metadata);

    /// <summary>Declares a setting that is searched, as the item <c>MergeSearchAxis</c> does.</summary>
    /// <param name="include">The setting: <c>Method</c>, or what a parameter is called as metadata.</param>
    /// <param name="metadata">Names and values as in a project file: <c>("Range", "0.2..1.4")</c>, <c>("Values", "ties;linear")</c>.</param>
    /// <returns>This project.</returns>
    public MergeProject SearchAxis(string include, params (string Name, string Value)[] metadata) =>
        Add(_axes, "MergeSearchAxis", include, metadata);

    /// <summary>Checks all merges without reading tensor data; models from elsewhere are fetched first.</summary>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>What should be said of them although they are valid.</returns>
    /// <exception cref="MergeException">With everything that is wrong.</exception>
    public IReadOnlyList<MergeProblem> Validate(CancellationToken cancellation = default) =>
        Guarded(() => (IReadOnlyList<MergeProblem>)[.. Build(cancellation).Build.Validate(cancellation).Select(MergeProblem.From)]);

    /// <summary>
    /// Compares each merge with its output, in the order in which they have to be run. No model is run, nothing is written but digests to
    /// the cache.
    /// </summary>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="MergeException">With everything that is wrong.</exception>
    public IReadOnlyList<PlannedMerge> Plan(CancellationToken cancellation = default) =>
        Guarded(() =>
            (IReadOnlyList<PlannedMerge>)[.. Build(cancellation).Build.Plan(cancellation).Select(state => new PlannedMerge(state))]);

    /// <summary>Makes what is not up to date: scores that are missing, then tensors.</summary>
    /// <param name="progress">Hears, from any thread, of bytes of weights written so far to the present merge, and of all that it will
    /// write.</param>
    /// <param name="cancellation">Ends the work, leaving the earlier outputs as they were.</param>
    /// <returns>What was found of each merge, and so what was done, in the order in which they were run.</returns>
    /// <exception cref="MergeException">With everything that is wrong; merges before it have been made.</exception>
    public IReadOnlyList<PlannedMerge> Run(IProgress<MergeProgressed>? progress = null, CancellationToken cancellation = default) =>
        Guarded(() =>
    {
        var (build, merges) = Build(cancellation);
        var run = new List<PlannedMerge>();
        foreach (var merge in merges)
            run.Add(new PlannedMerge(build.Run(merge.Name, LockOf(merge.Name), Told(merge.Name, progress), cancellation)));
        return (IReadOnlyList<PlannedMerge>)run;
    });

    /// <summary>
    /// Computes the scores (AIM, APL, Fisher, RegMean) that merges need and the cache lacks; <see cref="Run"/> does so too.
    /// </summary>
    /// <param name="progress">Hears, from any thread, of tokens run through the present model, and of all that will be.</param>
    /// <param name="cancellation">Ends the work; scores that were finished are kept.</param>
    /// <exception cref="MergeException">With everything that is wrong.</exception>
    public void Score(IProgress<MergeProgressed>? progress = null, CancellationToken cancellation = default) => Guarded(() =>
    {
        var (build, merges) = Build(cancellation);
        foreach (var merge in merges)
            build.Score(merge.Name, Told(merge.Name, progress), cancellation);
        return true;
    });

    /// <summary>Measures merges that have been made, with their bases and sources, as far as the cache lacks the results.</summary>
    /// <param name="progress">Hears, from any thread, of tokens run through the present model, and of all that will be.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>A line for each file and model; thresholds of the declarations are not looked at.</returns>
    /// <exception cref="MergeException">A merge has not been made, or something cannot be measured.</exception>
    public IReadOnlyList<MergeFigures> Evaluate(IProgress<MergeProgressed>? progress = null, CancellationToken cancellation = default) =>
        Guarded(() =>
    {
        var (build, merges) = Build(cancellation);
        var declared = EvaluationReader.Read(Path.GetDirectoryName(_file)!, _evaluations, [.. merges.Select(merge => merge.Name)]);
        return (IReadOnlyList<MergeFigures>)[
            .. build.Evaluate(declared, LockOf, Told("evaluation", progress), cancellation).SelectMany(MergeFigures.From)
        ];
    });

    /// <summary>
    /// Writes a page about each merge beside its output: what it was made from, sizes and conflicts of changes, importance, evaluations. No
    /// model is run.
    /// </summary>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>Full paths of the HTML files.</returns>
    /// <exception cref="MergeException">A merge has not been made, or a page cannot be written.</exception>
    public IReadOnlyList<string> Report(CancellationToken cancellation = default) =>
        Guarded(() => Build(cancellation).Build.Report(Told("report", null), cancellation));

    /// <summary>
    /// Searches the settings of each merge that <see cref="SearchFor"/> names, and writes them to its search's file, which
    /// <see cref="Run"/> then goes by. Candidates are merged in memory. What was measured is kept: a search that was ended goes on.
    /// </summary>
    /// <param name="progress">Hears, from any thread, of tokens run through the present model, and of all that will be.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>What was found of each, in the order in which merges were declared.</returns>
    /// <exception cref="MergeException">With everything that is wrong; searches before it are written.</exception>
    public IReadOnlyList<FoundSettings> Search(
        IProgress<MergeProgressed>? progress = null, CancellationToken cancellation = default) => Guarded(() =>
    {
        var project = Project();
        var (build, merges, restored) = Build(project.Searching(), cancellation);
        return (IReadOnlyList<FoundSettings>)[
            .. merges.Where(merge => merge.Search is not null)
                .Select(merge => FoundSettings.From(merge.Search!, Search(build, project, merge, restored, progress, cancellation))),
        ];
    });

    /// <summary>The name of the merge, where it is the only one.</summary>
    /// <exception cref="MergeException">There are several, or something is wrong.</exception>
    internal string OnlyMerge() => Guarded(() => Declared(Project()) is [var only] ? only.Name : throw new DiagnosticException(
        DiagnosticCode.IncompleteSearch,
        "A recipe of several documents cannot be searched. Make the merges that the last one uses, and search a recipe of that one alone.",
        new SourceLocation(Recipe ?? _file)));

    /// <summary>Searches the settings of the merge that has a search, and writes what was found to the search's file.</summary>
    /// <param name="progress">Hears, from any thread, of tokens run through the present model, and of all that will be.</param>
    /// <param name="cancellation">Ends the work; what was measured is kept.</param>
    /// <returns>The search, what was found, and the merge as a recipe with the settings that were found.</returns>
    /// <exception cref="MergeException">With everything that is wrong; nothing is written.</exception>
    internal (SearchDeclaration Search, SearchRecord Found, string Recipe) SearchRecipe(
        IProgress<MergeProgressed>? progress, CancellationToken cancellation) => Guarded(() =>
    {
        var project = Project();
        var (build, merges, restored) = Build(project.Searching(), cancellation);
        var merge = merges.First(declared => declared.Search is not null);
        var found = Search(build, project, merge, restored, progress, cancellation);
        return (merge.Search!, found, RecipeText.Of(Candidate(project, merge, restored, new SearchedSettings(found.Settings))));
    });

    private SearchRecord Search(
        MergeBuild build, ProjectDefaults project, MergeDeclaration merge, IReadOnlyList<RestoredModel> restored,
        IProgress<MergeProgressed>? progress, CancellationToken cancellation) => build.Search(
            merge.Name, settings => Candidate(project, merge, restored, settings), Told(merge.Name, progress), cancellation);

    private MergeDeclaration Candidate(
        ProjectDefaults project, MergeDeclaration merge, IReadOnlyList<RestoredModel> restored, SearchedSettings settings) =>
        Bound(Declared(project.Trying(merge.Name, settings)), restored).First(declared => declared.Name == merge.Name);

    private (MergeBuild Build, IReadOnlyList<MergeDeclaration> Merges) Build(CancellationToken cancellation)
    {
        var (build, merges, _) = Build(Project(), cancellation);
        return (build, merges);
    }

    private ProjectDefaults Project() => new(_file, _output)
    {
        Metadata = Defaults,
        Methods = _methods,
        Searches = _searches,
        SearchAxes = _axes,
    };

    private IReadOnlyList<MergeDeclaration> Declared(ProjectDefaults project) => DeclarationReader.Read(project, _merges, _sources);

    private IReadOnlyList<MergeDeclaration> Bound(IReadOnlyList<MergeDeclaration> declared, IReadOnlyList<RestoredModel> restored) =>
        ModelRestore.Bind(
            Recipe is { } recipe ? [.. declared.Select(merge => merge with { ProjectFile = recipe })] : declared, restored);

    private (MergeBuild Build, IReadOnlyList<MergeDeclaration> Merges, IReadOnlyList<RestoredModel> Restored) Build(
        ProjectDefaults project, CancellationToken cancellation)
    {
        var declared = Declared(project);
        var restored = ModelRestore.Run(declared, new RestoreOptions
        {
            ProjectFolder = Path.GetDirectoryName(_file)!,
            LockPath = Path.Combine(Path.GetDirectoryName(Recipe ?? _file)!, "models.lock.json"),
            CacheFolder = CacheFolder,
            Environment = Environment.GetEnvironmentVariable,
            Offline = Offline,
            SdkFolder = SdkFolder,
            CacheUnwritable = WarnOfCache,
        }, RestoreProgress.None, cancellation);
        var merges = Bound(declared, restored);
        var build = new MergeBuild(merges, CacheFolder, Threads)
        {
            CacheUnwritable = WarnOfCache,
            SharedScores = Shared(),
            Methods = project.Catalog,
        };
        return (build, merges, restored);
    }

    private ReportedProgress Told(string merge, IProgress<MergeProgressed>? progress) => new(merge, progress, Warned, Noted);

    // One for everything that this project does, so that what is wrong is told once.
    private RemoteCache? Shared() =>
        _shared ??= SharedScores.Open(CacheUrl, CacheReadOnly, warning => Warned?.Invoke(MergeProblem.From(warning)));

    private void WarnOfCache(string reason) => Warned?.Invoke(MergeProblem.From(FileDiagnostics.CacheUnwritable(reason)));

    private string LockOf(string name) => Path.Combine(CacheFolder, "locks", $"{ContentDigest.Of(_output)}-{name}.lock");

    private MergeProject Add(List<DeclaredItem> items, string type, string include, (string Name, string Value)[] metadata)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(include);
        items.Add(
            new DeclaredItem(
                type, include, metadata.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase), _file)
            {
                Occurrence = items.Count(item => item.Include.Equals(include, StringComparison.OrdinalIgnoreCase)),
            });
        return this;
    }

    private static T Guarded<T>(Func<T> work)
    {
        // Messages and generated files hold numbers as recipes write them, whatever the user's language.
        var culture = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            return work();
        }
        catch (DiagnosticException e)
        {
            throw new MergeException(e);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new MergeException(new DiagnosticException(FileDiagnostics.OfBuild(e)));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }
}
