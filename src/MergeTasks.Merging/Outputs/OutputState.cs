using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs.Importance;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Exports;
using MergeTasks.Merging.Planning.Importance;

namespace MergeTasks.Merging.Outputs;

/// <summary>What an output folder holds compared with what a plan wants there.</summary>
/// <param name="Ownership">Whose it is.</param>
/// <param name="Output">What it shall hold, with what is known of it.</param>
/// <param name="StaleShards">Weight files that must be written.</param>
/// <param name="Kept">Tensors whose bytes can be copied from the output folder's present files, with the file and checksum.</param>
/// <param name="StaleFiles">Other files that must be written.</param>
/// <param name="Leftovers">Files of an earlier output that the plan does not want, and that are as they were written.</param>
/// <param name="Left">Those of which somebody changed; they stay, and belong to the output no more.</param>
/// <param name="Changed">Files that somebody changed after the merge wrote them, and that it will write over.</param>
/// <param name="WasInterrupted">Whether a build of this output was killed; what it prepared is still there.</param>
/// <param name="ManifestIsStale">Whether the manifest must be written.</param>
/// <param name="Reasons">Why, for people; empty where nothing is to be done.</param>
internal sealed record OutputState(
    OutputOwnership Ownership,
    MergeOutput Output,
    IReadOnlyList<Shard> StaleShards,
    IReadOnlyDictionary<string, (string Path, ContentDigest Checksum)> Kept,
    IReadOnlyList<SideFile> StaleFiles,
    IReadOnlyList<string> Leftovers,
    IReadOnlyList<string> Left,
    IReadOnlyList<string> Changed,
    bool WasInterrupted,
    bool ManifestIsStale,
    IReadOnlyList<string> Reasons)
{
    /// <summary>Files to write from the finished weights.</summary>
    public required IReadOnlyList<ExportPlan> StaleExports { get; init; }

    /// <summary>The checksums of such files that are there as wanted.</summary>
    public required IReadOnlyDictionary<string, ContentDigest> KeptExports { get; init; }

    /// <summary>The plan.</summary>
    public MergePlan Plan => Output.Plan;

    /// <summary>Whether there is nothing to do.</summary>
    public bool IsFresh =>
        StaleShards.Count == 0
            && StaleExports.Count == 0
            && StaleFiles.Count == 0
            && Leftovers.Count == 0
            && !WasInterrupted
            && !ManifestIsStale
            && Ownership.CopiedFrom is null;

    /// <summary>
    /// Whether the model is there as planned: everything that decides what it computes. Only what is told about it may be out of date.
    /// </summary>
    public bool HoldsModel => StaleShards.Count == 0 && StaleFiles.All(file => file.Name == MergedFiles.Card);

    /// <summary>Tensors that must be computed.</summary>
    public int StaleTensorCount => StaleShards.Sum(shard => shard.Tensors.Count(tensor => !Kept.ContainsKey(tensor.Name)));

    /// <summary>Bytes that must be written.</summary>
    public long BytesToWrite => StaleShards.Sum(shard => shard.Length) + StaleExports.Sum(export => export.Model.Layout.Length);

    /// <summary>Compares. Files whose stamp is known are not read; others are digested.</summary>
    /// <param name="output">What it shall hold; what is not known of it yet is taken from the folder's manifest, as far as that is about
    /// the same tensors.</param>
    /// <param name="hasher">Digests files.</param>
    /// <param name="cancellation">Ends digesting.</param>
    /// <exception cref="DiagnosticException">The folder is not the merge's own.</exception>
    public static OutputState Inspect(MergeOutput output, FileHasher hasher, CancellationToken cancellation)
    {
        var declared = output.Plan.Declaration;
        return FileDiagnostics.Reading(declared.Name, declared.OutputFolder, declared.Location, () =>
            OutputOwnership.WhileSteady(declared, () => Look(output, hasher, cancellation), cancellation));
    }

    private static OutputState Look(MergeOutput output, FileHasher hasher, CancellationToken cancellation)
    {
        var plan = output.Plan;
        var wanted = output.FileNames.ToHashSet(InputFolder.Paths);
        var ownership = OutputOwnership.Require(plan.Declaration, wanted, hasher, cancellation);
        var folder = plan.Declaration.OutputFolder;
        var manifest = MergeManifest.Read(folder, out var fault);

        // It says what the tensors are and what was measured; from anybody else's hand that proves nothing.
        if (manifest is not null && !ownership.Wrote(MergedFiles.Manifest, hasher, cancellation))
            (manifest, fault) = (null, $"{MergedFiles.Manifest} is not as this merge wrote it");
        if (output.Report is null && Known(plan, manifest) is { } report)
            output = output.With(report);
        if (output.Evaluations is null
            && manifest?.Evaluations is { Count: > 0 } evaluations
            && plan.TensorsDigest is var tensors
            && evaluations.All(evaluation => evaluation.Of == tensors))
            output = output.With(evaluations);
        var headers = new Dictionary<string, ContentDigest>(StringComparer.Ordinal);
        var present = manifest is null ? [] : Intact(folder, manifest, headers, hasher, cancellation);
        var kept = plan.Tensors
            .Where(tensor =>
                manifest is not null
                    && present.ContainsKey(tensor.Output.Name)
                    && manifest.Tensors[tensor.Output.Name].Key == tensor.Key.ToString())
            .ToDictionary(tensor => tensor.Output.Name, tensor => present[tensor.Output.Name]);
        var staleShards = plan.Shards.Where(shard => !IsInPlace(folder, shard, kept, headers)).ToList();
        var staleFiles = output.Files.Where(file => !Holds(Path.Combine(folder, file.Name), file.Digest, hasher, cancellation)).ToList();
        var (leftovers, left) = ownership.Leftovers(wanted, hasher, cancellation);
        var keptExports = FindExports(plan, folder, manifest, hasher, cancellation);
        var staleExports = plan.Exports.Where(export => !keptExports.ContainsKey(export.FileName)).ToList();
        var manifestIsStale = staleShards.Count > 0 || staleExports.Count > 0
            || !ManifestHolds(output, folder, kept, keptExports, hasher, cancellation);
        var reasons = StaleReasons.Of(
            output,
            manifest,
            fault,
            present.Keys.ToHashSet(),
            staleShards,
            staleExports,
            staleFiles,
            leftovers.Count > 0,
            ownership,
            manifestIsStale,
            cancellation);
        var replaced = staleShards.Select(shard => shard.FileName)
            .Concat(staleExports.Select(export => export.FileName))
            .Concat(staleFiles.Select(file => file.Name))
            .Concat(manifestIsStale ? [MergedFiles.Manifest, MergedFiles.Provenance] : []);
        return new OutputState(
            ownership,
            output,
            staleShards,
            kept,
            staleFiles,
            leftovers,
            left,
            ownership.Changed(replaced, hasher, cancellation),
            ownership.WasInterrupted,
            manifestIsStale,
            reasons)
        {
            StaleExports = staleExports,
            KeptExports = keptExports,
        };
    }

    private static Dictionary<string, ContentDigest> FindExports(
        MergePlan plan, string folder, MergeManifest? manifest, FileHasher hasher, CancellationToken cancellation)
    {
        var kept = new Dictionary<string, ContentDigest>(StringComparer.Ordinal);
        foreach (var export in plan.Exports)
        {
            if (manifest?.Exports?.GetValueOrDefault(export.FileName) is { } made && made.Key == export.Key.ToString()
                && RecordedFile.Find(folder, export.FileName, hasher, cancellation) is { } present && present.Digest == made.Checksum)
                kept[export.FileName] = ContentDigest.Parse(made.Checksum);
        }

        return kept;
    }

    // What the same scores decided when the present output was made, so that a plan need not load them.
    private static ImportanceReport? Known(MergePlan plan, MergeManifest? manifest)
    {
        if (plan.Importance is not { } importance
            || manifest?.Importance is not { } earlier
            || manifest.Recipe != RecipeText.Of(plan.Declaration))
            return null;
        return earlier.Scores.Select(score => score.Key).SequenceEqual(importance.Requests.Select(request => request.Key.Digest.ToString()))
            && earlier.Models?.Count == importance.Apl?.Models.Count && earlier.Measured == ManifestImportance.MeasuredOf(plan)
            ? new ImportanceReport(earlier.Models ?? []) { Check = earlier.Check } : null;
    }

    // Tensors whose bytes on disk are those that the manifest describes; the headers of their files as they are.
    private static Dictionary<string, (string Path, ContentDigest Checksum)> Intact(
        string folder, MergeManifest manifest, Dictionary<string, ContentDigest> headers, FileHasher hasher, CancellationToken cancellation)
    {
        var intact = new Dictionary<string, (string, ContentDigest)>(StringComparer.Ordinal);
        foreach (var group in manifest.Tensors.GroupBy(tensor => tensor.Value.File))
        {
            var path = Path.Combine(folder, group.Key);
            if (WeightParts.ChecksumsOf(path, hasher, cancellation) is not { } checksums)
                continue;
            headers[path] = checksums.Parts.GetValueOrDefault(WeightParts.Header);
            foreach (var (name, tensor) in group)
            {
                if (checksums.Parts.TryGetValue(name, out var checksum) && checksum.ToString() == tensor.Checksum)
                    intact[name] = (path, checksum);
            }
        }

        return intact;
    }

    private static bool IsInPlace(
        string folder,
        Shard shard,
        Dictionary<string, (string Path, ContentDigest Checksum)> kept,
        Dictionary<string, ContentDigest> headers)
    {
        var path = Path.Combine(folder, shard.FileName);
        return headers.TryGetValue(path, out var header) && header == WeightParts.ChecksumOf(shard.Header)
            && shard.Tensors.All(tensor => kept.TryGetValue(tensor.Name, out var present) && present.Path == path);
    }

    private static bool Holds(string path, ContentDigest digest, FileHasher hasher, CancellationToken cancellation)
    {
        try
        {
            return hasher.DigestWhole(path, cancellation) == digest;
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            return false;
        }
    }

    // The statement of provenance goes with the manifest: both are written anew, or neither.
    private static bool ManifestHolds(
        MergeOutput output,
        string folder,
        Dictionary<string, (string Path, ContentDigest Checksum)> kept,
        Dictionary<string, ContentDigest> exports,
        FileHasher hasher,
        CancellationToken cancellation)
    {
        var manifest = MergeManifest.Of(output, kept.ToDictionary(pair => pair.Key, pair => pair.Value.Checksum), exports, cancellation);
        return Holds(MergedFiles.Manifest, manifest.ToBytes)
            && Holds(
                MergedFiles.Provenance,
                () => Provenance.Of(output, manifest, name => hasher.Published(Path.Combine(folder, name), cancellation)));

        bool Holds(string name, Func<byte[]> wanted)
        {
            try
            {
                var (path, bytes) = (Path.Combine(folder, name), wanted());
                return FileStatus.Of(path).Size == bytes.Length && InputFile.ReadAll(path).AsSpan().SequenceEqual(bytes);
            }
            catch (Exception e) when (FileFault.Covers(e))
            {
                return false;
            }
        }
    }
}
