using MergeTasks.Merging;
using MergeTasks.Merging.Declarations;
using Microsoft.Build.Framework;

namespace MergeTasks;

/// <summary>Makes one merged model; the work of a generated project.</summary>
[MSBuildMultiThreadableTask]
public sealed class MergeTensors : CancelableTask
{
    /// <summary>The merge.</summary>
    [Required]
    public string MergeName { get; set; } = "";

    /// <summary>Full path of the file with the project's declarations.</summary>
    [Required]
    public string Declarations { get; set; } = "";

    /// <summary>Full path of the merge's lock file.</summary>
    [Required]
    public string LockFile { get; set; } = "";

    /// <summary>The cache folder.</summary>
    [Required]
    public string CachePath { get; set; } = "";

    /// <summary>Most bytes of scores that the cache keeps; empty for the default.</summary>
    public string CacheMaxSize { get; set; } = "";

    /// <summary>Threads to use; 0 for one per core.</summary>
    public int Threads { get; set; }

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var merges = GeneratedProjects.ReadDeclarations(Declarations);
        var build = new MergeBuild(merges, CacheFolder(CachePath), Threads) { CacheUnwritable = ReportUnwritableCache, CacheSizeLimit = CacheLimit(CacheMaxSize) };
        var state = build.Run(MergeName, LockFile, new LoggedProgress(Log, MergeName, Report), cancellation);
        if (state.IsFresh)
            Log.LogMessage(MessageImportance.Normal, "{0}: another build has made it meanwhile.", MergeName);
        else
            Log.LogMessage(MessageImportance.Normal, "{0}: {1} of {2} tensors merged by {3}, {4} written.",
                MergeName, state.StaleTensorCount, state.Plan.Tensors.Count, state.Plan.Method.Name, ByteSize.Format(state.BytesToWrite));

        // In this form the line becomes the project's result in the terminal.
        Log.LogMessage(MessageImportance.High, "{0} -> {1}", MergeName, state.Plan.Declaration.OutputFolder);
    }
}
