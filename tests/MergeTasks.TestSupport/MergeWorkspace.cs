using MergeTasks.Merging;
using MergeTasks.Merging.Declarations;
using MergeTasks.Merging.Execution;
using MergeTasks.Merging.Planning;

namespace MergeTasks.TestSupport;

/// <summary>A project in a temporary folder: models, items, and the product's library build of them.</summary>
public sealed class MergeWorkspace : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<DeclaredItem> _merges = [];
    private readonly List<DeclaredItem> _sources = [];

    public string Folder => _folder.Path;

    public string Cache => _folder["cache"];

    public int Threads { get; set; } = 2;

    public string Model(string name, params (string Name, RawTensor Tensor)[] tensors)
    {
        TestCheckpoint.Write(_folder["models", name], tensors);
        return _folder["models", name];
    }

    public void Merge(string include, params (string Name, string Value)[] metadata) => _merges.Add(Item("MergedModel", include, metadata, _merges));

    public void Source(string include, params (string Name, string Value)[] metadata) => _sources.Add(Item("MergeSource", include, metadata, _sources));

    public void Clear()
    {
        _merges.Clear();
        _sources.Clear();
    }

    public IReadOnlyList<MergeDeclaration> Declarations() =>
        DeclarationReader.Read(new ProjectDefaults(_folder["project.csproj"], _folder["out"]), _merges, _sources);

    /// <summary>Files read for digesting since the workspace began, in order.</summary>
    public List<string> Digested { get; } = [];

    public List<string> CacheWarnings { get; } = [];

    public string ProjectFile => _folder["project.csproj"];

    public MergeBuild Build() => new(Declarations(), Cache, Threads) { Digesting = (path, _) => Digested.Add(path), CacheUnwritable = CacheWarnings.Add };

    public IReadOnlyList<OutputState> Plan() => Build().Plan(default);

    public OutputState Run(string name, MergeProgress? progress = null, CancellationToken cancellation = default) =>
        Build().Run(name, _folder["locks", name + ".lock"], progress ?? MergeProgress.None, cancellation);

    public string Output(string name) => _folder["out", name];

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

    private DeclaredItem Item(string type, string include, (string Name, string Value)[] metadata, List<DeclaredItem> earlier) =>
        new(type, include, metadata.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase), _folder["project.csproj"])
        {
            Occurrence = earlier.Count(item => item.Include == include),
        };
}
