using System.Text;
using System.Text.Json.Nodes;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>
/// Writes NuGet's list of what the project depends on once more, without the projects that only give models and without what came with
/// them. Restore does not import packages, so where this one is used as a package restore has taken these projects for dependencies.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class PruneAssetsFile : CancelableTask
{
    /// <summary>Full path of <c>project.assets.json</c>.</summary>
    [Required]
    public string AssetsFile { get; set; } = "";

    /// <summary>Full path of the folder that gets the other.</summary>
    [Required]
    public string Folder { get; set; } = "";

    /// <summary>Full path of the project file.</summary>
    [Required]
    public string ProjectFile { get; set; } = "";

    /// <summary>The references with <c>MergeInto</c>.</summary>
    public ITaskItem[] References { get; set; } = [];

    /// <summary>Full path of the list to use: the one that was given, where nothing in it is too much.</summary>
    [Output]
    public string Pruned { get; set; } = "";

    private string ProjectFolder => Path.GetDirectoryName(ProjectFile)!;

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        Pruned = AssetsFile;
        var paths = References.Select(reference => FullPath(reference.ItemSpec)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var assets = StrictJson.ParseObject(InputFile.ReadAll(AssetsFile, int.MaxValue), AssetsFile);
        var names = Members(assets["libraries"])
            .Where(library => library.Value is JsonObject { } entry && Text(entry["msbuildProject"] ?? entry["path"]) is { } path
                && paths.Contains(FullPath(path)))
            .Select(library => NameOf(library.Key))
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        var isChanged = false;
        foreach (var (_, framework) in Members(assets["project"]?["restore"]?["frameworks"]))
            isChanged |= Remove(framework?["projectReferences"], paths.Contains);
        if (names.Count > 0)
        {
            foreach (var (target, libraries) in Members(assets["targets"]))
                isChanged |= Prune(assets["projectFileDependencyGroups"]?[target.Split('/')[0]] as JsonArray, libraries, names);
        }

        if (!isChanged)
            return;
        Directory.CreateDirectory(Folder);
        Pruned = Path.Combine(Folder, "project.assets.json");
        AtomicFile.WriteIfDifferent(Pruned, Encoding.UTF8.GetBytes(assets.ToJsonString()));
    }

    // What nothing else needs goes; a project that another reference leads to as well stays.
    private static bool Prune(JsonArray? direct, JsonNode? libraries, HashSet<string> names)
    {
        if (direct is null)
            return false;
        var needed = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var open = new Stack<string>(
            direct.Select(Text).OfType<string>().Select(text => text.Split(' ')[0]).Where(name => !names.Contains(name)));
        var byName = Members(libraries)
            .ToLookup(library => NameOf(library.Key), library => library.Value, StringComparer.OrdinalIgnoreCase);
        while (open.TryPop(out var name))
        {
            if (!needed.Add(name))
                continue;
            foreach (var (dependency, _) in byName[name].SelectMany(library => Members(library?["dependencies"])))
                open.Push(dependency);
        }

        return Remove(libraries, library => !needed.Contains(NameOf(library)));
    }

    private static bool Remove(JsonNode? node, Predicate<string> isUnwanted)
    {
        var unwanted = Members(node).Select(member => member.Key).Where(key => isUnwanted(key)).ToList();
        foreach (var key in unwanted)
            ((JsonObject)node!).Remove(key);
        return unwanted.Count > 0;
    }

    private static IReadOnlyList<KeyValuePair<string, JsonNode?>> Members(JsonNode? node) => node is JsonObject members ? [.. members] : [];

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static string NameOf(string library) => library.Split('/')[0];

    private string FullPath(string path) => Path.GetFullPath(path.Replace('\\', '/'), ProjectFolder);
}
