using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>
/// Finds, among the files that an SDK takes for content because they lie below the project, those that merges read or write.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class FindOwnFiles : DeclaringTask
{
    // What lies there is meant to be served.
    private const string WebRoot = "wwwroot";

    /// <summary>The files to look at.</summary>
    public ITaskItem[] Files { get; set; } = [];

    /// <summary>Those that belong to merges.</summary>
    [Output]
    public ITaskItem[] Own { get; set; } = [];

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var folders = new List<string> { Path.TrimEndingDirectorySeparator(Defaults.ModelsFolder) };
        var files = new HashSet<string>(StringComparer.Ordinal) { Path.GetFullPath(Properties[ProjectProperties.LockFile]) };
        try
        {
            var merges = ReadUnrestored(Defaults.Listing());
            folders.AddRange(DeclaredFiles.ModelFolders(merges));
            folders.AddRange(merges.Select(merge => merge.OutputFolder));
            files.UnionWith(DeclaredFiles.Files(Defaults, merges, Evaluations));
        }
        catch (DiagnosticException)
        {
            // Planning says what is wrong; sources of other projects are not known here yet.
            folders.AddRange(MergeSources.Concat(MergedModels)
                .SelectMany(item => new[] { item.ItemSpec, item.GetMetadata("Base"), item.GetMetadata("OutputDirectory") })
                .Where(path => path.Length > 0 && !path.Contains('\0', StringComparison.Ordinal))
                .Select(path => Path.GetFullPath(path, Defaults.Folder)));
        }

        Own = [.. Files.Where(file => IsOwn(Path.GetFullPath(file.ItemSpec, Defaults.Folder)))];

        bool IsOwn(string path) =>
            !path.StartsWith(Path.Combine(Defaults.Folder, WebRoot) + Path.DirectorySeparatorChar, StringComparison.Ordinal)
                && (files.Contains(path)
                    || folders.Exists(folder => path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)));
    }
}
