using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Build;
using MergeTasks.Methods.Loading;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>A task that reads the project's declarations.</summary>
public abstract class DeclaringTask : CancelableTask
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly MethodCatalog _methods = new();
    private GatheredProperties? _properties;
    private long _toDigest;
    private long _digested;
    private DateTime _nextReport = DateTime.MaxValue;

    /// <summary>The merges.</summary>
    public ITaskItem[] MergedModels { get; set; } = [];

    /// <summary>The models that go into them.</summary>
    public ITaskItem[] MergeSources { get; set; } = [];

    /// <summary>Assemblies with methods beside those that are built in.</summary>
    public ITaskItem[] MergeMethods { get; set; } = [];

    /// <summary>What merges are measured on.</summary>
    public ITaskItem[] MergeEvaluations { get; set; } = [];

    /// <summary>Searches for merges' settings.</summary>
    public ITaskItem[] MergeSearches { get; set; } = [];

    /// <summary>The settings that searches try values of.</summary>
    public ITaskItem[] MergeSearchAxes { get; set; } = [];

    /// <summary>The project's properties, each with its <c>Value</c>.</summary>
    [Required]
    public ITaskItem[] Project { get; set; } = [];

    /// <summary>The project's properties.</summary>
    private protected GatheredProperties Properties => _properties ??= new GatheredProperties(Project);

    /// <summary>Full path of the project file.</summary>
    private protected string ProjectFile => Properties.ProjectFile;

    /// <summary>Full path of the folder for generated files.</summary>
    private protected string MergesFolder => Properties[ProjectProperties.MergesFolder];

    /// <summary>The cache folder.</summary>
    private protected string Cache => CacheFolder(Properties[ProjectProperties.CachePath]);

    /// <summary>Threads to use; 0 for one per core.</summary>
    private protected int Threads => Properties.Whole(ProjectProperties.Threads);

    /// <inheritdoc/>
    private protected override SourceLocation Location => new(ProjectFile);

    /// <summary>Reads the declarations; models from elsewhere are where restoring put them.</summary>
    private protected IReadOnlyList<MergeDeclaration> ReadDeclarations() => ReadDeclarations(Defaults);

    /// <inheritdoc cref="ReadDeclarations()"/>
    /// <param name="project">What the project says for all of its merges.</param>
    private protected IReadOnlyList<MergeDeclaration> ReadDeclarations(ProjectDefaults project) =>
        ModelRestore.Bind(ReadUnrestored(project), RestoreRecord.Read(MergesFolder));

    /// <summary>Reads the declarations as they are written.</summary>
    private protected IReadOnlyList<MergeDeclaration> ReadUnrestored() => ReadUnrestored(Defaults);

    /// <inheritdoc cref="ReadUnrestored()"/>
    /// <param name="project">What the project says for all of its merges.</param>
    private protected IReadOnlyList<MergeDeclaration> ReadUnrestored(ProjectDefaults project)
    {
        var merges = DeclaredItems.From("MergedModel", MergedModels, ProjectFile);
        var sources = DeclaredItems.From("MergeSource", MergeSources, ProjectFile);
        var unmatched = DeclaredPatterns.Unmatched(
            ProjectFile, [.. merges, .. sources, .. Evaluations], ["MergedModel", "MergeSource", "MergeEvaluation"]).ToList();

        // What is missing for want of such items would only repeat it.
        return unmatched.Count == 0 ? DeclarationReader.Read(project, merges, sources) : throw new DiagnosticException(unmatched);
    }

    /// <summary>What the project says for all of its merges.</summary>
    private protected ProjectDefaults Defaults =>
        new(ProjectFile, Path.TrimEndingDirectorySeparator(Path.GetFullPath(Properties[ProjectProperties.ModelsFolder])))
        {
            Metadata = Properties.OfAllMerges,
            Methods = DeclaredItems.From("MergeMethod", MergeMethods, ProjectFile),
            Searches = DeclaredItems.From("MergeSearch", MergeSearches, ProjectFile),
            SearchAxes = DeclaredItems.From("MergeSearchAxis", MergeSearchAxes, ProjectFile),
            Catalog = _methods,
        };

    /// <summary>The items that say what merges are measured on.</summary>
    private protected IReadOnlyList<DeclaredItem> Evaluations => DeclaredItems.From("MergeEvaluation", MergeEvaluations, ProjectFile);

    /// <summary>Chooses the device that runs models, telling the log why.</summary>
    /// <returns><see langword="null"/> for the built-in engine.</returns>
    private protected DeviceHost? ChooseDevice()
    {
        var settings = new DeviceSettings(Properties);
        var request = settings.Read();

        // Most projects: nobody asks for a device, so nothing need be said of it.
        if (request.Demand == DeviceDemand.Auto && settings.TaskAssembly.Length == 0)
            return null;
        var (device, reason) = settings.Choose(request);
        Log.LogMessage(MessageImportance.Normal, "{0}: {1}.", Path.GetFileNameWithoutExtension(ProjectFile), reason);
        return device is null ? null : new DeviceHost(settings.TaskAssembly, device, request.ComputesMatrices);
    }

    /// <summary>The library's build of these merges, telling the log when it has to read much.</summary>
    /// <param name="merges">The merges.</param>
    /// <param name="device">Runs models, and computes with whole matrices; <see langword="null"/> for the processor.</param>
    /// <param name="told">Hears what the device had to do otherwise than usual.</param>
    private protected MergeBuild BuildOf(IReadOnlyList<MergeDeclaration> merges, DeviceHost? device = null, Action<string>? told = null) =>
        new(merges, Cache, Threads)
        {
            Engine = device?.Engine(Threads, Cache, told),
            MatrixDevice = device?.Matrices(Threads, Cache, told),
            Digesting = (path, bytes) =>
            {
                Log.LogMessage(
                    MessageImportance.Normal, "{0} is new or changed; reading {1} to identify its tensors.", path, ByteSize.Format(bytes));
                Interlocked.Add(ref _toDigest, bytes);
                if (_nextReport == DateTime.MaxValue)
                    _nextReport = DateTime.UtcNow + ReportInterval;
            },
            Digested = ReportDigested,
            CacheUnwritable = ReportUnwritableCache,
            SharedScores = SharedScores(Properties[ProjectProperties.CacheUrl], Properties[ProjectProperties.CacheReadOnly]),
            Methods = _methods,
        };

    private void ReportDigested(long bytes)
    {
        var digested = Interlocked.Add(ref _digested, bytes);
        if (DateTime.UtcNow < _nextReport)
            return;
        lock (_gate)
        {
            if (DateTime.UtcNow < _nextReport)
                return;
            _nextReport = DateTime.UtcNow + (5 * ReportInterval);
        }

        Log.LogMessage(
            MessageImportance.High,
            "Identifying changed models: {0} of {1} read.",
            ByteSize.Format(digested),
            ByteSize.Format(Interlocked.Read(ref _toDigest)));
    }
}
