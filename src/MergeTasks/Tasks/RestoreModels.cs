using MergeTasks.Language.Declarations;
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
    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        if (!Properties.Flag(ProjectProperties.Update) && Record().Find() is not null)
            return;
        using var progress = new LoggedRestore(Log);
        var restored = ModelRestore.Run(ReadUnrestored(Defaults.Listing()), Options(), progress, cancellation);
        foreach (var model in restored)
            Log.LogMessage(MessageImportance.Normal, "{0}: {1} in {2}.", model.Key, model.Locked.Resolved, model.Folder);
        RestoreRecord.Write(MergesFolder, restored);
    }

    private RestoreOptions Options() => new()
    {
        ProjectFolder = Path.GetDirectoryName(ProjectFile)!,
        LockPath = Properties[ProjectProperties.LockFile],
        CacheFolder = Cache,
        Environment = TaskEnvironment.GetEnvironmentVariable,
        Update = Properties.Flag(ProjectProperties.Update),
        LockedMode = Properties.Flag(ProjectProperties.LockedMode),
        Offline = Properties.Flag(ProjectProperties.Offline),
        PackagesFolder = FullPath(ProjectProperties.PackagesFolder),
        NuGetConfig = FullPath(ProjectProperties.NuGetConfig),
        AssetsFile = FullPath(ProjectProperties.AssetsFile),
        Sources = Listed(ProjectProperties.NuGetSources),
        MoreSources = Listed(ProjectProperties.MoreNuGetSources),
        CacheUnwritable = ReportUnwritableCache,
    };

    private string[] Listed(SurfaceName property) =>
        Properties[property].Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private string? FullPath(SurfaceName property) =>
        Properties[property] is { Length: > 0 } path ? TaskEnvironment.GetAbsolutePath(path) : null;
}
