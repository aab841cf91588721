using System.Text.Json;
using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Searching;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Outputs;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.TestSupport;

/// <summary>A project in a temporary folder: models, items, and the product's library build of them.</summary>
internal sealed class MergeWorkspace : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<DeclaredItem> _merges = [];
    private readonly List<DeclaredItem> _sources = [];
    private readonly List<DeclaredItem> _searches = [];
    private readonly List<DeclaredItem> _axes = [];
    private string? _cache;

    public string Folder => _folder.Path;

    /// <summary>The cache folder; another workspace's to share it.</summary>
    public string Cache { get => _cache ?? _folder["cache"]; set => _cache = value; }

    public int Threads { get; set; } = 2;

    public string Model(string name, params (string Name, RawTensor Tensor)[] tensors)
    {
        TestCheckpoint.Write(_folder["models", name], tensors);
        return _folder["models", name];
    }

    public void Merge(string include, params (string Name, string Value)[] metadata) =>
        _merges.Add(Item("MergedModel", include, metadata, _merges));

    public void Source(string include, params (string Name, string Value)[] metadata) =>
        _sources.Add(Item("MergeSource", include, metadata, _sources));

    public void Search(string include, params (string Name, string Value)[] metadata) =>
        _searches.Add(Item("MergeSearch", include, metadata, _searches));

    public void Axis(string include, params (string Name, string Value)[] metadata) =>
        _axes.Add(Item("MergeSearchAxis", include, metadata, _axes));

    /// <summary>Searches, as the task does.</summary>
    public SearchRecord Found(string name, MergeProgress? progress = null, CancellationToken cancellation = default)
    {
        var project = Project();
        return Build(project.Searching()).Search(
            name,
            settings => Declarations(project.Trying(name, settings)).Single(merge => merge.Name == name),
            progress ?? MergeProgress.None,
            cancellation);
    }

    public void Clear()
    {
        _searches.Clear();
        _axes.Clear();
        _merges.Clear();
        _sources.Clear();
    }

    /// <summary>Full paths of assemblies with methods.</summary>
    public List<string> Methods { get; } = [];

    public IReadOnlyList<MergeDeclaration> Declarations() => Declarations(Project());

    /// <summary>Files read for digesting since the workspace began, in order.</summary>
    public List<string> Digested { get; } = [];

    public List<string> CacheWarnings { get; } = [];

    public string ProjectFile => _folder["project.csproj"];

    /// <summary>Writes the workspace's declarations down for <see cref="Load"/> in another process.</summary>
    public string Save()
    {
        var path = _folder["workspace.json"];
        File.WriteAllText(path, JsonSerializer.Serialize(new Saved(ProjectFile, _folder["out"], Cache, Items(_merges), Items(_sources))));
        return path;

        static SavedItem[] Items(List<DeclaredItem> items) =>
            [.. items.Select(item => new SavedItem(item.Type, item.Include, new(item.Metadata)))];
    }

    /// <summary>The library build of a saved workspace.</summary>
    public static MergeBuild Load(string path, int threads)
    {
        var saved = JsonSerializer.Deserialize<Saved>(File.ReadAllText(path))!;
        return new MergeBuild(
            DeclarationReader.Read(new ProjectDefaults(saved.ProjectFile, saved.ModelsFolder), Items(saved.Merges), Items(saved.Sources)),
            saved.Cache,
            threads);

        List<DeclaredItem> Items(SavedItem[] items) =>
            [.. items.Select(item => new DeclaredItem(item.Type, item.Include, item.Metadata, saved.ProjectFile))];
    }

    /// <summary>Runs models for scoring; the product's own engine unless a test puts something else here.</summary>
    public ITransformerEngine Engine { get; set; } = new CpuEngine(new EngineOptions { Threads = 2 });

    /// <summary>Scores that machines share; <see langword="null"/>: none.</summary>
    public ISharedEntries? SharedScores { get; set; }

    /// <summary>Whether outputs are only put together of parts.</summary>
    public bool OnlyAssembles { get; set; }

    /// <summary>Where methods on whole matrices compute; <see langword="null"/>: on the processor.</summary>
    public IMatrixDevice? MatrixDevice { get; set; }

    public MergeBuild Build() => Build(Project());

    private MergeBuild Build(ProjectDefaults project) =>
        new(
            Declarations(project), Cache, Threads)
        {
            Methods = project.Catalog,
            Digesting = (path, _) => Digested.Add(path),
            CacheUnwritable = CacheWarnings.Add,
            Engine = Engine,
            MatrixDevice = MatrixDevice,
            SharedScores = SharedScores,
            OnlyAssembles = OnlyAssembles,
        };

    public IReadOnlyList<OutputState> Plan() => Build().Plan(default);

    public OutputState Run(string name, MergeProgress? progress = null, CancellationToken cancellation = default) =>
        Build().Run(name, LockFile(name), progress ?? MergeProgress.None, cancellation);

    public string LockFile(string name) => _folder["locks", name + ".lock"];

    public string Output(string name) => _folder["out", name];

    private ProjectDefaults Project() => new(_folder["project.csproj"], _folder["out"])
    {
        Methods = [.. Methods.Select(path => Item("MergeMethod", path, [], []))],
        Searches = [.. _searches],
        SearchAxes = [.. _axes],
    };

    private IReadOnlyList<MergeDeclaration> Declarations(ProjectDefaults project) => DeclarationReader.Read(project, _merges, _sources);

    /// <summary>Runs every merge in order, as a build does.</summary>
    public void RunAll()
    {
        foreach (var merge in Declarations())
            Run(merge.Name);
    }

    /// <summary>The plan's state of one merge.</summary>
    public OutputState State(string name) => Plan().Single(state => state.Plan.Name == name);

    public Dictionary<string, RawTensor> Result(string name) => TestCheckpoint.Read(Output(name));

    public void Dispose() => _folder.Dispose();

    private sealed record Saved(string ProjectFile, string ModelsFolder, string Cache, SavedItem[] Merges, SavedItem[] Sources);

    private sealed record SavedItem(string Type, string Include, Dictionary<string, string> Metadata);

    private DeclaredItem Item(string type, string include, (string Name, string Value)[] metadata, List<DeclaredItem> earlier) =>
        new(
            type,
            include,
            metadata.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase),
            _folder["project.csproj"])
        {
            Occurrence = earlier.Count(item => item.Include.Equals(include, StringComparison.OrdinalIgnoreCase)),
        };
}
