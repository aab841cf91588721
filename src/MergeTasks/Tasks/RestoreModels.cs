using MergeTasks.Merging.Build;
using MergeTasks.Sources.Contract;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>
/// Brings the models that come from the Hub and from packages to this machine, compares them with the lock file, and writes it. There is
/// nothing to do while all that the last plan rested on is the same.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class RestoreModels : PlanningTask
{
    /// <summary>Whether every reference is resolved anew.</summary>
    public bool Update { get; set; }

    /// <summary>Whether the lock file may not change.</summary>
    public bool LockedMode { get; set; }

    /// <summary>Whether the network may not be used.</summary>
    public bool Offline { get; set; }

    /// <summary>NuGet's folder of packages; empty for what its configuration says.</summary>
    public string PackagesFolder { get; set; } = "";

    /// <summary>The NuGet configuration file that the project names; empty for the usual ones.</summary>
    public string NuGetConfig { get; set; } = "";

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        if (!Update && Record().Find() is not null)
            return;
        using var progress = new LoggedRestore(Log);
        var restored = ModelRestore.Run(ReadUnrestored(), Options(), progress, cancellation);
        foreach (var model in restored)
            Log.LogMessage(MessageImportance.Normal, "{0}: {1} in {2}.", model.Key, model.Locked.Resolved, model.Folder);
        RestoreRecord.Write(MergesFolder, restored);
    }

    private RestoreOptions Options() => new()
    {
        ProjectFolder = Path.GetDirectoryName(ProjectFile)!,
        LockPath = ModelsLockFile,
        CacheFolder = CacheFolder(CachePath),
        Environment = TaskEnvironment.GetEnvironmentVariable,
        Update = Update,
        LockedMode = LockedMode,
        Offline = Offline,
        PackagesFolder = PackagesFolder.Length == 0 ? null : TaskEnvironment.GetAbsolutePath(PackagesFolder),
        NuGetConfig = NuGetConfig.Length == 0 ? null : TaskEnvironment.GetAbsolutePath(NuGetConfig),
        CacheUnwritable = ReportUnwritableCache,
    };
}
