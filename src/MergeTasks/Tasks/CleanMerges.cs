using MergeTasks.Caching;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Removes the outputs that earlier builds of the project have made.</summary>
[MSBuildMultiThreadableTask]
public sealed class CleanMerges : CancelableTask
{
    /// <summary>Full path of the project file.</summary>
    [Required]
    public string ProjectFile { get; set; } = "";

    /// <summary>Full path of the folder for generated files.</summary>
    [Required]
    public string MergesFolder { get; set; } = "";

    /// <summary>The folder that has one folder per merge; it goes with the last of them.</summary>
    public string ModelsFolder { get; set; } = "";

    /// <summary>The cache folder that the project chooses; empty for the user's.</summary>
    public string CachePath { get; set; } = "";

    /// <inheritdoc/>
    private protected override SourceLocation Location => new(ProjectFile);

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var cache = CacheFolder(CachePath);
        var hasher = new MergeBuild([], cache, 0).Hasher();
        foreach (var left in new OutputRecord(MergesFolder, ProjectFile, cache, cancellation).Clean(hasher, ModelsFolder))
            Log.LogMessage(MessageImportance.Normal, "{0}.", left);
    }
}
