using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Outputs.Ownership;

/// <summary>
/// <see cref="MergedFiles.Owner"/>, which lies in an output folder and says whose it is. It names this machine's paths, so it is no part of
/// the model: neither published nor packed, and no input carries it on.
/// </summary>
/// <param name="Format">Version of this format.</param>
/// <param name="Project">Real full path of the project file.</param>
/// <param name="Merge">The merge.</param>
/// <param name="Folder">Real full path of the output folder.</param>
/// <param name="Files">
/// What the merge wrote there. While an output is replaced, both what it replaces and what it brings: a name may come more than once.
/// </param>
/// <param name="Preparing">Names of the files that are prepared in the folder for that; empty once the output is complete.</param>
internal sealed record OwnershipRecord(
    int Format, string Project, string Merge, string Folder, IReadOnlyList<RecordedFile> Files, IReadOnlyList<string> Preparing)
{
    public const int CurrentFormat = 1;

    /// <summary>Whether there is a record, whatever it holds.</summary>
    public static bool IsIn(string folder) => IsThere(Path.Combine(folder, MergedFiles.Owner));

    /// <summary>Whether a path names something: a file, a folder, or a link that may lead nowhere.</summary>
    public static bool IsThere(string path) => Path.Exists(path) || new FileInfo(path).LinkTarget is not null;

    /// <summary>Reads the record of a folder.</summary>
    /// <param name="folder">Full path.</param>
    /// <param name="fault">Why it is no record, where there is one that says nothing.</param>
    public static OwnershipRecord? Read(string folder, out string? fault)
    {
        var path = Path.Combine(folder, MergedFiles.Owner);
        fault = null;
        if (!IsThere(path))
            return null;
        try
        {
            if (new FileInfo(path).LinkTarget is not null)
                throw new FileFault(FileFaultKind.Special, path, "is a link, and so no record of this folder");
            if (RecordFile.Read<Version>(path) is { Format: not CurrentFormat } other)
                throw new FileFault(FileFaultKind.Malformed, path, $"has format {other.Format}; this version knows format {CurrentFormat}");
            var record = RecordFile.Read<OwnershipRecord>(path);
            if (!record.IsSound)
                throw new FileFault(FileFaultKind.Malformed, path, "is damaged");
            return record;
        }
        catch (FileFault e)
        {
            fault = e.Message;
            return null;
        }
    }

    public byte[] ToBytes() => [.. RecordFile.ToBytes(this), (byte)'\n'];

    // Whoever edits it may write any name, also one that leads out of the folder.
    private bool IsSound => Path.IsPathFullyQualified(Project) && Path.IsPathFullyQualified(Folder) && IsName(Merge)
        && Files.All(file =>
            file is { Name: not null, Digest: not null } && file.Name != MergedFiles.Owner && MergedFiles.IsName(file.Name))
        && Preparing.All(name => name is not null && IsName(name));

    private static bool IsName(string name) =>
        name.Length > 0 && name is not ("." or ".." or MergedFiles.Owner) && name.AsSpan().IndexOfAny(['/', '\\', ':', '\0']) < 0;

    private sealed record Version(int Format);
}
