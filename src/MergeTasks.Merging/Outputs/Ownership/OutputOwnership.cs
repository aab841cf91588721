using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Outputs.Ownership;

/// <summary>
/// Whose an output folder is, and the one place that decides what in it may be overwritten or deleted: what the record in the folder itself
/// (<see cref="MergedFiles.Owner"/>) says that this merge of this project wrote there. The record is written before anything else, so
/// that whatever stops the work, all that it has left is known.
/// </summary>
internal sealed class OutputOwnership
{
    /// <summary>Name of the folder, inside an output folder, where new files are prepared.</summary>
    public const string PartialFolder = OutputFolders.Prepared;

    // A build changes the record a few times; more builds than this do not follow one another that fast.
    private const int MostLooks = 100;

    private readonly MergeDeclaration _merge;
    private readonly OwnershipRecord? _found;
    private readonly ILookup<string, RecordedFile> _files;
    private readonly HashSet<string> _names;
    private OwnershipRecord _record;
    private bool _hasBegun;

    private OutputOwnership(MergeDeclaration merge, OwnershipRecord record, OwnershipRecord? found)
    {
        (_merge, _record, _found) = (merge, record, found);
        _files = (found?.Files ?? []).ToLookup(file => file.Name, StringComparer.Ordinal);
        _names = [.. record.Files.Select(file => file.Name)];
    }

    /// <summary>Real full path of the output folder.</summary>
    public string Folder => _record.Folder;

    /// <summary>Where the folder was copied from, if it is a copy that has not been taken over yet.</summary>
    public string? CopiedFrom => _found is not null && !InputFolder.Paths.Equals(_found.Folder, Folder) ? _found.Folder : null;

    /// <summary>Whether a build of this output was stopped before it could clean up.</summary>
    public bool WasInterrupted => _record.Preparing.Count > 0 || Directory.Exists(Partial);

    private string Partial => Path.Combine(Folder, PartialFolder);

    /// <summary>Finds out whose an output folder is.</summary>
    /// <param name="merge">The merge that wants to write there.</param>
    /// <param name="wanted">Names of the files that it would write.</param>
    /// <param name="hasher">Digests files; <see langword="null"/>: bytes are not compared.</param>
    /// <param name="cancellation">Ends digesting.</param>
    /// <exception cref="DiagnosticException">
    /// <see cref="DiagnosticCode.ForeignOutput"/>: the folder, or a file in the way, is not this merge's.
    /// </exception>
    public static OutputOwnership Require(
        MergeDeclaration merge, IEnumerable<string> wanted, FileHasher? hasher, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(merge);
        var own = new OwnershipRecord(
            OwnershipRecord.CurrentFormat,
            InputFolder.RealPath(merge.ProjectFile),
            merge.Name,
            InputFolder.RealPath(merge.OutputFolder),
            Files: [],
            Preparing: []);
        var found = OwnershipRecord.Read(own.Folder, out var fault);
        if (fault is not null)
            throw Refusal(merge, $"'{merge.OutputFolder}', whose record says nothing: {fault}");
        if (found is not null && WhyNot(own, found) is { } other)
            throw Refusal(merge, $"'{merge.OutputFolder}', {other}");
        var ownership = new OutputOwnership(merge, own with { Files = found?.Files ?? [], Preparing = found?.Preparing ?? [] }, found);
        ownership.RequireNothingForeign(wanted);
        if (ownership.CopiedFrom is { } original && hasher is not null)
            ownership.RequireUnchanged(original, hasher, cancellation);
        return ownership;
    }

    /// <summary>
    /// Looks at an output that another build may be making right now. The record changes before anything else does, so what is found
    /// wrong counts only where the record was the same before and after.
    /// </summary>
    /// <param name="merge">The merge.</param>
    /// <param name="look">Looks; it throws where something is wrong.</param>
    /// <param name="cancellation">Ends looking again.</param>
    internal static T WhileSteady<T>(MergeDeclaration merge, Func<T> look, CancellationToken cancellation)
    {
        var record = Path.Combine(InputFolder.RealPath(merge.OutputFolder), MergedFiles.Owner);
        for (var looks = 1; ; looks++)
        {
            var before = FileStamp.Of(record);
            try
            {
                return look();
            }
            catch (Exception e)
                when ((e is DiagnosticException || FileFault.Covers(e)) && looks < MostLooks && FileStamp.Of(record) != before)
            {
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>
    /// Files of an earlier output that the merge does not want any more: those that are as it wrote them can be deleted, those that were
    /// changed stay.
    /// </summary>
    /// <exception cref="DiagnosticException">A changed weight file: it can neither be deleted nor stay beside other weights.</exception>
    public (IReadOnlyList<string> Deleted, IReadOnlyList<string> Left) Leftovers(
        IReadOnlySet<string> wanted, FileHasher hasher, CancellationToken cancellation)
    {
        var (deleted, left) = (new List<string>(), new List<string>());
        foreach (var name in _names.Where(name => !wanted.Contains(name) && IsThere(name)).Order(StringComparer.Ordinal))
        {
            if (IsAsWritten(name, hasher, cancellation))
                deleted.Add(name);
            else if (RecordedFile.IsWeights(name))
                throw Refusal(
                    _merge, $"'{Path.Combine(Folder, name)}', which was changed since or cannot be read, and would stay beside new weights");
            else
                left.Add(name);
        }

        return (deleted, left);
    }

    /// <summary>Those of the named files that somebody changed after the merge wrote them.</summary>
    public IReadOnlyList<string> Changed(IEnumerable<string> names, FileHasher hasher, CancellationToken cancellation) =>
        [.. names.Where(name => _files.Contains(name) && IsThere(name) && !IsAsWritten(name, hasher, cancellation))
            .Order(StringComparer.Ordinal)];

    /// <summary>Whether a file is there and is, byte for byte, one that this merge wrote.</summary>
    public bool Wrote(string name, FileHasher hasher, CancellationToken cancellation) =>
        _files.Contains(name) && IsAsWritten(name, hasher, cancellation);

    /// <summary>Makes the folder this merge's, and an empty folder in it for what is prepared.</summary>
    /// <param name="names">Names of the files that will be prepared.</param>
    /// <returns>Full path of the folder for them.</returns>
    /// <exception cref="DiagnosticException">Somebody else took the output folder meanwhile.</exception>
    /// <exception cref="IOException">Something cannot be written.</exception>
    internal string Begin(IReadOnlyList<string> names)
    {
        Directory.CreateDirectory(Folder);
        RequireOwnPartial();
        OutputRemoval.RemovePrepared(_record);
        _record = _record with { Preparing = [.. names.Union(_record.Preparing, StringComparer.Ordinal)] };
        Claim();
        _hasBegun = true;
        Directory.CreateDirectory(Partial);
        return Partial;
    }

    /// <summary>Writes down what is about to take its place in the folder; call before it does.</summary>
    internal void Bring(IEnumerable<RecordedFile> files) => Write(_record with { Files = [.. _record.Files.Union(files)] });

    /// <summary>The output is complete.</summary>
    /// <param name="names">Names of its files.</param>
    /// <param name="brought">Those of them that are new.</param>
    internal void Complete(IReadOnlySet<string> names, IReadOnlyList<RecordedFile> brought)
    {
        RemoveEmptyPartial();
        var renewed = brought.Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
        var kept = _record.Files.Where(file => names.Contains(file.Name) && !renewed.Contains(file.Name));
        Write(_record with { Files = [.. brought, .. kept], Preparing = [] });
    }

    /// <summary>Gives up before anything took its place: what was prepared goes, and the record is what it was.</summary>
    internal void Abandon()
    {
        if (!_hasBegun)
            return;
        OutputRemoval.RemovePrepared(_record);
        RemoveEmptyPartial();
        if (_found is not null)
            AtomicFile.Write(Path.Combine(Folder, MergedFiles.Owner), _found.ToBytes());
        else
            File.Delete(Path.Combine(Folder, MergedFiles.Owner));
    }

    // A link of a recorded name is not what was written, wherever it leads.
    private bool IsAsWritten(string name, FileHasher hasher, CancellationToken cancellation) =>
        RecordedFile.Find(Folder, name, hasher, cancellation) is { } present && _files[name].Contains(present);

    // Null: it is this merge's, or a copy of this merge's that came here with the whole project.
    private static string? WhyNot(OwnershipRecord own, OwnershipRecord found)
    {
        var isHere = InputFolder.Paths.Equals(found.Folder, own.Folder);
        var isMerge = found.Merge.Equals(own.Merge, StringComparison.OrdinalIgnoreCase);
        if (isHere && isMerge && InputFolder.Paths.Equals(found.Project, own.Project))
            return null;
        if (!isHere && isMerge && PlaceOf(found) is { } place && place == PlaceOf(own))
            return found.Preparing.Count == 0 ? null : $"a copy of '{found.Folder}' that was taken while that was written";
        var who = InputFolder.Paths.Equals(found.Project, own.Project)
            ? $"merge '{found.Merge}' of this project" : $"merge '{found.Merge}' of '{found.Project}'";
        return $"which {who} made{(isHere ? "" : $" as '{found.Folder}'")}; this is merge '{own.Merge}' of '{own.Project}'";
    }

    // Where an output lies in its project; null where it does not lie below it.
    private static (string Project, string Folder)? PlaceOf(OwnershipRecord record)
    {
        var folder = Path.GetRelativePath(Path.GetDirectoryName(record.Project)!, record.Folder);
        return Path.IsPathRooted(folder) || folder.Split(Path.DirectorySeparatorChar)[0] == ".."
            ? null : (Path.GetFileName(record.Project), folder);
    }

    private void RequireNothingForeign(IEnumerable<string> wanted)
    {
        RequireOwnPartial();
        var weights = Directory.Exists(Folder) ? WeightFiles.List(Folder) : [];
        var foreign = wanted.Where(IsThere).Concat(weights).FirstOrDefault(name => !_names.Contains(name))
            ?? wanted.FirstOrDefault(name => IsFolder(Path.Combine(Folder, name)) || LeadsOut(name));
        if (foreign is not null)
            throw Refusal(_merge, $"'{Path.Combine(_merge.OutputFolder, foreign)}', which it did not make");
    }

    private void RequireOwnPartial()
    {
        if (new FileInfo(Partial).LinkTarget is not null)
            throw Refusal(_merge, $"'{Partial}', which is a link and not the folder where it prepares files");
        if (File.Exists(Partial))
            throw Refusal(_merge, $"'{Partial}', which is no folder");
        if (!Directory.Exists(Partial))
            return;
        var foreign = Directory.EnumerateFileSystemEntries(Partial)
            .FirstOrDefault(path => !_record.Preparing.Contains(Path.GetFileName(path)) || IsFolder(path));
        if (foreign is not null)
            throw Refusal(_merge, $"'{foreign}', which it did not make");
    }

    // A file, or a link, in the place of a folder below that files are to lie in.
    private bool LeadsOut(string name) => name.Contains('/', StringComparison.Ordinal)
        && Path.GetDirectoryName(Path.Combine(Folder, name))! is var below
            && (File.Exists(below) || new FileInfo(below).LinkTarget is not null);

    private static bool IsFolder(string path) => Directory.Exists(path) && new FileInfo(path).LinkTarget is null;

    private bool IsThere(string name) => OwnershipRecord.IsThere(Path.Combine(Folder, name));

    private void RequireUnchanged(string original, FileHasher hasher, CancellationToken cancellation)
    {
        if (Changed(_names, hasher, cancellation) is [var changed, ..])
            throw Refusal(_merge, $"'{Path.Combine(_merge.OutputFolder, changed)}', which is no copy of what lies in '{original}'");
    }

    // Two builds that find the folder empty cannot both take it: the file of the second is not written over the first's.
    private void Claim()
    {
        var path = Path.Combine(Folder, MergedFiles.Owner);
        if (_found is not null)
        {
            AtomicFile.Write(path, _record.ToBytes());
            return;
        }

        try
        {
            AtomicFile.Write(path, _record.ToBytes(), overwrite: false);
        }
        catch (FileFault) when (OwnershipRecord.Read(Folder, out _) is { } other)
        {
            throw Refusal(_merge, $"'{_merge.OutputFolder}', which merge '{other.Merge}' of '{other.Project}' is making");
        }
    }

    private void Write(OwnershipRecord record)
    {
        AtomicFile.Write(Path.Combine(Folder, MergedFiles.Owner), record.ToBytes());
        _record = record;
    }

    private void RemoveEmptyPartial() => OutputRemoval.RemoveIfEmpty(Partial);

    private static DiagnosticException Refusal(MergeDeclaration merge, string what) => new(new Diagnostic(DiagnosticCode.ForeignOutput,
        $"Merge '{merge.Name}' would overwrite {what}. Choose another OutputDirectory, or move away what is there.", merge.Location));
}
