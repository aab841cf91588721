using MergeTasks.Language.Searching;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Language.Declarations;

/// <summary>What the project says for all of its merges.</summary>
/// <param name="ProjectFile">Full path of the project file.</param>
/// <param name="ModelsFolder">Full path of the folder that gets one folder per merge.</param>
internal sealed record ProjectDefaults(string ProjectFile, string ModelsFolder)
{
    /// <summary>Values of metadata that merges do not set themselves, by metadata name (DType, Seed, MaxShardSize, …).</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>The <c>MergeMethod</c> items: assemblies with methods beside those that are built in.</summary>
    public IReadOnlyList<DeclaredItem> Methods { get; init; } = [];

    /// <summary>The <c>MergeSearch</c> items.</summary>
    public IReadOnlyList<DeclaredItem> Searches { get; init; } = [];

    /// <summary>The <c>MergeSearchAxis</c> items.</summary>
    public IReadOnlyList<DeclaredItem> SearchAxes { get; init; } = [];

    /// <summary>
    /// The settings with which a searched merge is read, where they are not those that its search has found;
    /// <see langword="null"/> for those.
    /// </summary>
    public Func<SearchDeclaration, SearchedSettings?> Candidate { get; init; } = _ => null;

    /// <summary>
    /// The same for whoever searches: every searched merge is read with some candidate's settings, whatever was found before.
    /// </summary>
    public ProjectDefaults Searching() => this with { Candidate = search => search.First };

    /// <summary>The same for whoever asks only which models there are: merges that have not been searched yet need no method.</summary>
    public ProjectDefaults Listing() => this with { Candidate = search => search.Found is null ? search.First : null };

    /// <summary>The same with one merge's settings those of a candidate.</summary>
    public ProjectDefaults Trying(string merge, SearchedSettings settings) => this with
    {
        Candidate = search => search.Merge.Equals(merge, StringComparison.OrdinalIgnoreCase) ? settings : null,
    };

    /// <summary>Gets the methods of <see cref="Methods"/>; whoever plans the declarations should take them from here too.</summary>
    public MethodCatalog Catalog { get; init; } = new();

    /// <summary>The value of a metadata; <see langword="null"/> where there is none.</summary>
    public string? Find(string metadata) =>
        Metadata.TryGetValue(metadata, out var value) && value.Trim() is { Length: > 0 } text ? text : null;

    /// <summary>Folder of the project file.</summary>
    public string Folder => Path.GetDirectoryName(ProjectFile)!;
}
