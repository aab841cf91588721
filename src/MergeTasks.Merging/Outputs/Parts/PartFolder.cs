using MergeTasks.Caching;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Outputs.Parts;

/// <summary>
/// Where one machine makes its part of an output: a folder of its own, in which nobody else writes, and which gets its name when it is
/// complete. Only what a <see cref="PartRecord"/> there lists as this merge's is ever replaced.
/// </summary>
internal sealed class PartFolder : IDisposable
{
    private const string Prepared = ".partial";

    private readonly MergePlan _plan;
    private readonly PartChoice _part;
    private readonly FileLock _lock;
    private bool _isComplete;

    private PartFolder(MergePlan plan, PartChoice part, FileLock own) => (_plan, _part, _lock) = (plan, part, own);

    /// <summary>Where the parts of a merge's output lie: beside the output, so that putting them together is renaming.</summary>
    public static string RootOf(MergePlan plan) => plan.Declaration.OutputFolder + ".shards";

    /// <summary>Full path of the complete part.</summary>
    public string Folder => Path.Combine(RootOf(_plan), _part.FolderName);

    /// <summary>Full path of the folder in which it is made.</summary>
    public string Partial => Folder + Prepared;

    /// <summary>Waits until nobody else makes the same part.</summary>
    /// <exception cref="DiagnosticException">What lies in its place is not this merge's.</exception>
    /// <exception cref="IOException">Something cannot be written.</exception>
    public static PartFolder Open(
        MergePlan plan, PartChoice part, FileHasher hasher, Action? waiting, CancellationToken cancellation)
    {
        var root = RootOf(plan);
        if (File.Exists(root) || new FileInfo(root).LinkTarget is not null)
            throw Refusal(plan, root);
        Directory.CreateDirectory(root);
        var folder = new PartFolder(
            plan, part, FileLock.Acquire(Path.Combine(root, part.FolderName + ".lock"), waiting, cancellation));
        try
        {
            folder.RequireOwn(folder.Folder, hasher, cancellation);
            folder.RequireOwn(folder.Partial, null, cancellation);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Whether the part is there, made by the same plan and as it was written.</summary>
    public bool IsMade(IReadOnlyCollection<string> names, FileHasher hasher, CancellationToken cancellation) =>
        PartRecord.Read(Folder) is { } record
            && record.Output == PartRecord.OutputOf(_plan)
            && names.All(name => record.Files.Any(file => file.Name == name))
            && record.Files.All(file => RecordedFile.Find(Folder, file.Name, hasher, cancellation) == file);

    /// <summary>Makes an empty folder for the part's files.</summary>
    /// <param name="names">Their names.</param>
    public void Begin(IEnumerable<string> names)
    {
        Remove(Partial);
        Directory.CreateDirectory(Partial);
        Write(names.Select(name => new RecordedFile(name, 0, "")));
    }

    /// <summary>The files are complete: the folder gets its name.</summary>
    public void Complete(IEnumerable<RecordedFile> files)
    {
        Write(files);
        Remove(Folder);
        Directory.Move(Partial, Folder);
        _isComplete = true;
    }

    /// <summary>Removes a part whose files have been taken, and the folder of parts with the last one.</summary>
    internal static void Forget(string folder)
    {
        File.Delete(Path.Combine(folder, PartRecord.FileName));
        OutputRemoval.RemoveIfEmpty(folder);
        var root = Path.GetDirectoryName(folder)!;
        if (Directory.EnumerateFileSystemEntries(root).All(path => path.EndsWith(".lock", StringComparison.Ordinal) && File.Exists(path)))
        {
            foreach (var path in Directory.GetFiles(root, "*-of-*.lock").Where(path => new FileInfo(path).Length == 0))
                File.Delete(path);
            OutputRemoval.RemoveIfEmpty(root);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            if (!_isComplete && PartRecord.Read(Partial) is not null)
                Remove(Partial);
        }
        catch (Exception e) when (Files.FileFault.Covers(e))
        {
            // What stopped the work is what is told; the next build finds the record and begins anew.
        }

        _lock.Dispose();
    }

    private void Write(IEnumerable<RecordedFile> files) =>
        AtomicFile.Write(Path.Combine(Partial, PartRecord.FileName), PartRecord.Of(_plan, files).ToBytes());

    // What is left where a build was killed is known by its record; of a complete part each file must be as it was written.
    private void RequireOwn(string folder, FileHasher? hasher, CancellationToken cancellation)
    {
        if (File.Exists(folder) || new FileInfo(folder).LinkTarget is not null)
            throw Refusal(_plan, folder);
        if (!Directory.Exists(folder))
            return;
        var names = Directory.EnumerateFileSystemEntries(folder).Select(path => Path.GetFileName(path)!).ToList();
        if (names.Count == 0)
            return;
        var record = PartRecord.Read(folder);
        if (record is null || !record.Merge.Equals(_plan.Name, StringComparison.OrdinalIgnoreCase))
            throw Refusal(_plan, folder);
        foreach (var name in names.Where(name => name != PartRecord.FileName))
        {
            if (!File.Exists(Path.Combine(folder, name))
                || record.Files.FirstOrDefault(file => file.Name == name) is not { } file
                || (hasher is not null && RecordedFile.Find(folder, name, hasher, cancellation) != file))
                throw Refusal(_plan, Path.Combine(folder, name));
        }
    }

    // Of folders that were found to be this merge's, under the lock.
    private static void Remove(string folder)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (var file in PartRecord.Read(folder)?.Files ?? [])
            File.Delete(Path.Combine(folder, file.Name));
        File.Delete(Path.Combine(folder, PartRecord.FileName));
        OutputRemoval.RemoveIfEmpty(folder);
    }

    private static DiagnosticException Refusal(MergePlan plan, string path) => new(
        DiagnosticCode.ForeignOutput,
        $"Merge '{plan.Name}' would overwrite '{path}', which is no part of its output as it made it. Move away what is there.",
        plan.Declaration.Location);
}
