using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Outputs.Parts;

/// <summary>
/// <see cref="FileName"/>, which lies in the folder of a part of an output and says of which merge it is and which files were written
/// there. It names no path: parts are made on one machine and put together on another.
/// </summary>
/// <param name="Format">Version of this format.</param>
/// <param name="Merge">The merge.</param>
/// <param name="Output">Identifies all tensors and weight files of the output that it is a part of.</param>
/// <param name="Files">The weight files; before they are complete, of no length.</param>
internal sealed record PartRecord(int Format, string Merge, string Output, IReadOnlyList<RecordedFile> Files)
{
    public const string FileName = "merge.shard.json";

    private const int CurrentFormat = 1;

    /// <summary>The record of a part of a planned output.</summary>
    public static PartRecord Of(MergePlan plan, IEnumerable<RecordedFile> files) =>
        new(CurrentFormat, plan.Name, OutputOf(plan), [.. files]);

    /// <summary>Identifies what a plan makes: parts of one plan go together.</summary>
    public static string OutputOf(MergePlan plan) => Caching.ContentDigest.Of(
        [plan.TensorsDigest, .. plan.Shards.Select(shard => $"\n{shard.FileName} {WeightParts.ChecksumOf(shard.Header)}")]).ToString();

    /// <summary>Reads the record of a folder; <see langword="null"/> where there is none, or none that says anything.</summary>
    public static PartRecord? Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return FileStatus.Of(path).Kind == FileKind.Regular
                && new FileInfo(path).LinkTarget is null
                && RecordFile.Read<PartRecord>(path) is { Format: CurrentFormat } record
                && record is { Merge: not null, Output: not null, Files: not null }
                && record.Files.All(file =>
                    file is { Name: not null, Digest: not null } && RecordedFile.IsWeights(file.Name) && MergedFiles.IsName(file.Name))
                ? record : null;
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            return null;
        }
    }

    public byte[] ToBytes() => [.. RecordFile.ToBytes(this), (byte)'\n'];
}
