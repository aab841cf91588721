using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Devices;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Removes what the user's cache keeps: scores, and remembered digests of files.</summary>
[MSBuildMultiThreadableTask]
public sealed class CleanMergeCache : CancelableTask
{
    /// <summary>The cache folder that the project chooses; empty for the user's.</summary>
    public string CachePath { get; set; } = "";

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var folder = CacheFolder(CachePath);
        try
        {
            LinkedFolder.Clean(folder);
            Log.LogMessage(MessageImportance.High, "{0} of scores removed from {1}.", ByteSize.Format(ContentStore.Clean(folder)), folder);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new DiagnosticException(
                FileDiagnostics.Of(DiagnosticCode.CacheNotCleaned, "The cache cannot be removed: ", e, folder, FileAct.Delete, null));
        }
    }
}
