using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Outputs.Ownership;

/// <summary>
/// Removes an output that its project does not want any more: of what the folder's own record lists, the files that are still as they were
/// written. Everything else stays, and is told.
/// </summary>
internal static class OutputRemoval
{
    /// <summary>Whether a folder has a record, whosever it is.</summary>
    public static bool HasRecord(string folder) => OwnershipRecord.IsIn(folder);

    /// <summary>The merge whose output a folder is, by the folder's own record.</summary>
    /// <param name="projectFile">Full path of the project file.</param>
    /// <param name="folder">Full path of the folder.</param>
    /// <param name="owner">Who owns it, in words, where that is not this project; <see langword="null"/> where nobody does.</param>
    /// <returns><see langword="null"/> where it is not an output of this project that was made in this place.</returns>
    public static string? FindMerge(string projectFile, string folder, out string? owner) => Own(projectFile, folder, out owner)?.Merge;

    /// <summary>Removes.</summary>
    /// <param name="projectFile">Full path of the project file.</param>
    /// <param name="folder">Full path of the folder.</param>
    /// <param name="hasher">Digests files.</param>
    /// <param name="cancellation">Ends the work between two files.</param>
    /// <returns>Full paths of what was made by the merge and is left, because it was changed since.</returns>
    /// <exception cref="FileFault">Something cannot be deleted.</exception>
    public static IReadOnlyList<string> Remove(string projectFile, string folder, FileHasher hasher, CancellationToken cancellation)
    {
        if (Own(projectFile, folder, out _) is not { } record)
            return [];
        RemovePrepared(record);
        ReportFile.Remove(folder);

        // The manifest goes first: without it nothing that is left counts as a model.
        var left = new List<RecordedFile>();
        foreach (var files in record.Files.GroupBy(file => file.Name).OrderBy(files => files.Key != MergedFiles.Manifest))
        {
            cancellation.ThrowIfCancellationRequested();
            var path = Path.Combine(record.Folder, files.Key);
            if (!OwnershipRecord.IsThere(path))
                continue;
            if (RecordedFile.Find(record.Folder, files.Key, hasher, cancellation) is { } present && files.Contains(present))
                DeleteWithFolder(record.Folder, files.Key);
            else
                left.AddRange(files);
        }

        // What is left is still known to be an output, so that the merge may be declared and made again.
        var own = Path.Combine(record.Folder, MergedFiles.Owner);
        if (left.Count > 0)
        {
            AtomicFile.Write(own, (record with { Files = left, Preparing = [] }).ToBytes());
            return [.. left.Select(file => Path.Combine(record.Folder, file.Name)).Distinct()];
        }

        Delete(own);

        // Whoever put a link in the folder's place wants it to lead somewhere.
        if (Path.GetDirectoryName(folder) is { } parent
            && Path.Combine(InputFolder.RealPath(parent), Path.GetFileName(folder)) == record.Folder)
            RemoveIfEmpty(record.Folder);
        return [];
    }

    internal static void RemoveIfEmpty(string folder) => FileFault.During(folder, FileAct.Delete, () =>
    {
        if (!Directory.Exists(folder) || new FileInfo(folder).LinkTarget is not null || Directory.EnumerateFileSystemEntries(folder).Any())
            return;
        try
        {
            Directory.Delete(folder);
        }
        catch (IOException e) when (SystemErrors.Explain(e).Kind == FileFaultKind.InUse)
        {
            // A file system is mounted there, or a program works in it: whoever put it there wants it, and it is empty.
        }
    });

    private static OwnershipRecord? Own(string projectFile, string folder, out string? owner)
    {
        owner = null;
        var real = InputFolder.RealPath(folder);
        if (OwnershipRecord.Read(real, out var fault) is not { } record)
        {
            owner = fault;
            return null;
        }

        if (InputFolder.Paths.Equals(record.Folder, real) && InputFolder.Paths.Equals(record.Project, InputFolder.RealPath(projectFile)))
            return record;
        owner = $"its record says that merge '{record.Merge}' of '{record.Project}' made it as '{record.Folder}'";
        return null;
    }

    // Never through a link; the folder goes too once it is empty.
    internal static void RemovePrepared(OwnershipRecord record)
    {
        var partial = Path.Combine(record.Folder, OutputOwnership.PartialFolder);
        if (record.Preparing.Count == 0 || !Directory.Exists(partial) || new FileInfo(partial).LinkTarget is not null)
            return;
        foreach (var name in record.Preparing)
        {
            if (File.Exists(Path.Combine(partial, name)))
                Delete(Path.Combine(partial, name));
        }

        RemoveIfEmpty(partial);
    }

    /// <summary>Deletes a file of an output, and the folder below that it was the last in.</summary>
    internal static void DeleteWithFolder(string folder, string name)
    {
        Delete(Path.Combine(folder, name));
        if (name.Contains('/', StringComparison.Ordinal))
            RemoveIfEmpty(Path.GetDirectoryName(Path.Combine(folder, name))!);
    }

    private static void Delete(string path) => FileFault.During(path, FileAct.Delete, () => File.Delete(path));
}
