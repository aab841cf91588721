using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Outputs.Parts;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>A phase of a generated project. Where it runs models on a device, it runs in a process of its own.</summary>
public abstract class MergePhase : CancelableTask
{
    /// <summary>The merge.</summary>
    [Required]
    public string MergeName { get; set; } = "";

    /// <summary>Full path of the file with the project's declarations.</summary>
    [Required]
    public string Declarations { get; set; } = "";

    /// <summary>The cache folder.</summary>
    [Required]
    public string CachePath { get; set; } = "";

    /// <summary>Most bytes of scores that the cache keeps; empty for the default.</summary>
    public string CacheMaxSize { get; set; } = "";

    /// <summary>Address of the cache that machines share; empty for the environment's.</summary>
    public string CacheUrl { get; set; } = "";

    /// <summary>Whether that is only read; empty for what the environment says.</summary>
    public string CacheReadOnly { get; set; } = "";

    /// <summary>Which part of the output is made, such as 2/4; "assemble": they are put together; empty: all of it.</summary>
    public string Shard { get; set; } = "";

    /// <summary>Threads to use; 0 for one per core.</summary>
    public int Threads { get; set; }

    /// <summary>Full path of the file that says which device runs models; empty for the built-in engine.</summary>
    public string DeviceFile { get; set; } = "";

    /// <summary>Full path of the file that says what a phase on a device is doing; empty for the built-in engine.</summary>
    public string RunningFile { get; set; } = "";

    /// <summary>Where the merge is declared.</summary>
    private protected override SourceLocation Location => GeneratedProjects.LocationOf(Declarations, MergeName);

    /// <inheritdoc/>
    protected sealed override void Run(CancellationToken cancellation)
    {
        var host = DeviceHost.Read(DeviceFile);
        using var running = RunningPhase.Begin(RunningFile, host);
        var folder = CacheFolder(CachePath);
        var build = new MergeBuild(GeneratedProjects.ReadDeclarations(Declarations, MergeName), folder, Threads)
        {
            Engine = host?.Engine(Threads, folder, Tell),
            MatrixDevice = host?.Matrices(Threads, folder, Tell),
            CacheUnwritable = ReportUnwritableCache,
            CacheSizeLimit = CacheLimit(CacheMaxSize),
            RefreshesScores = RefreshesScores,
            SharedScores = SharedScores(CacheUrl, CacheReadOnly),
            OnlyAssembles = PartChoice.IsAssemble(Shard),
        };
        Run(build, running, cancellation);
    }

    private void Tell(string message) => Log.LogMessage(MessageImportance.High, "{0}: {1}", MergeName, message);

    /// <summary>Whether scores are computed again although they are cached.</summary>
    private protected virtual bool RefreshesScores => false;

    /// <summary>The phase's work.</summary>
    private protected abstract void Run(MergeBuild build, RunningPhase? running, CancellationToken cancellation);
}
