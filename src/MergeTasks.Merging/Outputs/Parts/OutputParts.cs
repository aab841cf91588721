using System.Collections.ObjectModel;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Outputs.Parts;

/// <summary>
/// The weight files of an output that machines have made as parts. One is taken only where it is a part of exactly what is planned, and as
/// its machine wrote it.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="hasher">Sums up files.</param>
internal sealed class OutputParts(MergePlan plan, FileHasher hasher)
{
    private readonly List<(string From, string To)> _taken = [];
    private readonly List<string> _unfit = [];

    /// <summary>Finds files, and their checksums.</summary>
    /// <param name="shards">Those that are to be made.</param>
    /// <param name="cancellation">Ends reading.</param>
    /// <returns>The folder that has one and the checksums of its tensors, by name.</returns>
    public ReadOnlyDictionary<string, (string Folder, IReadOnlyDictionary<string, ContentDigest> Checksums)> Find(
        IReadOnlyList<Shard> shards, CancellationToken cancellation)
    {
        var found = new Dictionary<string, (string, IReadOnlyDictionary<string, ContentDigest>)>(StringComparer.Ordinal);
        var root = PartFolder.RootOf(plan);
        if (!Directory.Exists(root))
            return found.AsReadOnly();
        var output = PartRecord.OutputOf(plan);
        foreach (var folder in Directory.GetDirectories(root, "*-of-*").Order(StringComparer.Ordinal))
        {
            if (!PartChoice.IsFolderName(Path.GetFileName(folder))
                || new FileInfo(folder).LinkTarget is not null
                || PartRecord.Read(folder) is not { } record)
                continue;
            foreach (var shard in shards.Where(shard => !found.ContainsKey(shard.FileName)))
            {
                if (record.Files.FirstOrDefault(file => file.Name == shard.FileName) is not { Length: > 0 } file)
                    continue;
                var path = Path.Combine(folder, shard.FileName);
                if (record.Output != output || !record.Merge.Equals(plan.Name, StringComparison.OrdinalIgnoreCase))
                    _unfit.Add($"'{path}' is of another output: of other inputs, settings or another version");
                else if (RecordedFile.Find(folder, file.Name, hasher, cancellation) != file
                    || WeightParts.ChecksumsOf(path, hasher, cancellation) is not { } checksums
                    || !Fits(shard, checksums.Parts))
                    _unfit.Add($"'{path}' is damaged or incomplete");
                else
                    found[shard.FileName] = (folder, checksums.Parts);
            }
        }

        return found.AsReadOnly();
    }

    /// <summary>Files that were found and are not taken, with the reason.</summary>
    public IReadOnlyList<string> Unfit => _unfit;

    /// <summary>The error that not all files of the output have been made.</summary>
    /// <param name="missing">Those that have not.</param>
    public DiagnosticException Missing(IReadOnlyList<Shard> missing) => new(
        DiagnosticCode.ShardsMissing,
        $"Merge '{plan.Name}' cannot be put together: {missing.Count} of its {plan.Shards.Count} weight files are not there, the first "
            + $"'{missing[0].FileName}'{(_unfit.Count > 0 ? $" ({_unfit[0]})" : "")}. Make the part that it belongs to with MergeShard=i/n "
            + $"(they are looked for in '{PartFolder.RootOf(plan)}'), or build without MergeShard, which makes here what is missing.",
        plan.Declaration.Location);

    /// <summary>Moves a file that was found.</summary>
    public void Take(string folder, string name, string target)
    {
        var (from, to) = (Path.Combine(folder, name), Path.Combine(target, name));
        File.Move(from, to);
        _taken.Add((from, to));
    }

    /// <summary>Moves everything back: nothing came of it.</summary>
    public void GiveBack()
    {
        foreach (var (from, to) in _taken.Where(taken => File.Exists(taken.To) && !File.Exists(taken.From)))
            File.Move(to, from);
    }

    /// <summary>Removes what is left of the parts whose files were taken.</summary>
    public void Forget()
    {
        foreach (var folder in _taken.Select(taken => Path.GetDirectoryName(taken.From)!).Distinct())
        {
            if (PartRecord.Read(folder) is { } record && !record.Files.Any(file => File.Exists(Path.Combine(folder, file.Name))))
                PartFolder.Forget(folder);
        }
    }

    private static bool Fits(Shard shard, IReadOnlyDictionary<string, ContentDigest> parts) =>
        parts.GetValueOrDefault(WeightParts.Header) == WeightParts.ChecksumOf(shard.Header)
            && shard.Tensors.All(tensor => parts.ContainsKey(tensor.Name));
}
