using System.Text;
using System.Text.Json.Nodes;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>
/// Writes NuGet's list of what the project depends on once more, without the projects that only give models, for packing to read.
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

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var folder = Path.GetDirectoryName(ProjectFile)!;
        var paths = References.Select(reference => Path.GetFullPath(reference.ItemSpec.Replace('\\', '/'), folder))
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        var assets = StrictJson.ParseObject(InputFile.ReadAll(AssetsFile, int.MaxValue), AssetsFile);
        foreach (var (_, framework) in assets["project"]?["restore"]?["frameworks"] as JsonObject ?? [])
        {
            if (framework?["projectReferences"] is not JsonObject references)
                continue;
            foreach (var name in references.Select(reference => reference.Key).Where(paths.Contains).ToList())
                references.Remove(name);
        }

        Directory.CreateDirectory(Folder);
        AtomicFile.WriteIfDifferent(Path.Combine(Folder, Path.GetFileName(AssetsFile)), Encoding.UTF8.GetBytes(assets.ToJsonString()));
    }
}
