using MergeTasks.Caching;
using MergeTasks.Checkpoints.Disk;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Execution.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Outputs.Parts;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Methods.Contract;
using MergeTasks.Numerics.Threads;

using FoundShards = System.Collections.ObjectModel.ReadOnlyDictionary<
    string, (string Folder, System.Collections.Generic.IReadOnlyDictionary<string, MergeTasks.Caching.ContentDigest> Checksums)>;

namespace MergeTasks.Merging.Execution;

/// <summary>
/// Makes an output what its plan wants: writes what is stale into a folder beside the final files, then renames file by file, removes what
/// the plan does not want, and renames the manifest last.
/// Until the first rename the earlier output is untouched, and only what <see cref="OutputOwnership"/> knows to be this merge's is ever
/// replaced or removed; whatever stops the work later, the next build sees that manifest and files disagree and completes it.
/// </summary>
/// <param name="memo">Remembers the checksums of what was written.</param>
/// <param name="workers">Threads that compute.</param>
/// <param name="inputs">The files that the output is made from: where one of them has changed by the time that all is read, nothing is
/// kept.</param>
/// <param name="progress">Hears of progress.</param>
internal sealed class MergeExecutor(DigestMemo memo, int workers, IdentifiedFiles inputs, MergeProgress progress)
{
    // Below this the page cache is better than the disk: somebody will look at a small output soon.
    private const long SmallestBypass = 64 << 20;

    /// <summary>Whether something in this build reads the output after it is written.</summary>
    public bool IsReadSoon { get; init; }

    /// <summary>What AIM and APL do to the tensors; <see langword="null"/>: nothing.</summary>
    internal LoadedImportance? Importance { get; init; }

    /// <summary>The plan by which tensors are made where it is not the output's own; it has the same tensors.</summary>
    internal MergePlan? MadeBy { get; init; }

    /// <summary>Weight files that machines have made as parts of the output; <see langword="null"/>: all are made here.</summary>
    internal OutputParts? Parts { get; init; }

    /// <summary>Whether all stale weight files must be there as parts.</summary>
    internal bool OnlyAssembles { get; init; }

    /// <summary>Makes some of the stale weight files, and nothing else, in a folder beside the output.</summary>
    /// <returns>How many were made; 0 where they were there.</returns>
    /// <exception cref="DiagnosticException">The disk is full, or files cannot be written or read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left.</exception>
    internal int ExecutePart(OutputState state, PartChoice part, FileHasher hasher, CancellationToken cancellation)
    {
        var merge = state.Plan.Declaration;
        var shards = part.Of(state.Plan.Shards).Intersect(state.StaleShards).ToList();
        return Guarded(state.Plan, () =>
        {
            using var folder = PartFolder.Open(state.Plan, part, hasher, progress.Waiting, cancellation);
            if (folder.IsMade([.. shards.Select(shard => shard.FileName)], hasher, cancellation))
                return 0;
            DiskSpace.Require(merge, shards.Sum(shard => shard.Length), state.Plan.Tensors.Count, []);
            folder.Begin(shards.Select(shard => shard.FileName));
            progress.Starting(shards.Sum(shard => shard.Length));
            var checksums = new Dictionary<string, ContentDigest>(StringComparer.Ordinal);
            Make(state, shards, folder.Partial, checksums, cancellation);
            if (inputs.Changed().FirstOrDefault() is { } changed)
                throw InputChanged(state.Plan, changed);
            cancellation.ThrowIfCancellationRequested();
            folder.Complete(
                shards.Select(shard => RecordedFile.OfWeights(shard.FileName, shard.Length, PartsOf(shard, checksums))));
            return shards.Count;
        }, "Nothing is kept.");
    }

    /// <summary>Does the work.</summary>
    /// <exception cref="DiagnosticException">The disk is full, or files cannot be written or read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the earlier output is as it was.</exception>
    public void Execute(OutputState state, CancellationToken cancellation)
    {
        var merge = state.Plan.Declaration;
        var found = Guarded(state.Plan, () => FindParts(state, cancellation), "The earlier output, if any, is kept.");
        var there = state.StaleShards.Where(shard => found.ContainsKey(shard.FileName)).Sum(shard => shard.Length);
        DiskSpace.Require(merge, state.BytesToWrite - there, state.Plan.Tensors.Count, state.StaleFiles);
        var publishing = false;
        try
        {
            var partial = state.Ownership.Begin([.. NewNames(state).Select(MergedFiles.Prepared), MergedFiles.Manifest]);
            progress.Starting(state.BytesToWrite - there);
            var checksums = WriteShards(state, found, partial, cancellation);
            var exports = new ExportWriter(partial, workers, progress).Write(state, cancellation);
            foreach (var file in state.StaleFiles)
            {
                File.WriteAllBytes(
                    Path.Combine(partial, MergedFiles.Prepared(file.Name)),
                    FileDiagnostics.Reading(merge.Name, merge.OutputFolder, merge.Location, file.Read));
            }

            var manifest = MergeManifest.Of(state.Output, checksums, exports, cancellation);
            if (inputs.Changed().FirstOrDefault() is { } changed)
                throw InputChanged(state.Plan, changed);
            var bytes = manifest.ToBytes();
            File.WriteAllBytes(Path.Combine(partial, MergedFiles.Manifest), bytes);
            cancellation.ThrowIfCancellationRequested();
            var prepared = NewNames(state).ToDictionary(name => name, name => StampOf(Path.Combine(partial, name)), StringComparer.Ordinal);
            var files = Describe(state, checksums, exports, RecordedFile.Of(MergedFiles.Manifest, bytes));
            state.Ownership.Bring(files);
            publishing = true;
            Publish(state, partial);
            Parts?.Forget();
            Remember(state, checksums, exports, prepared);
            var hashes = new FileSha256(memo);
            var provenance = Provenance.Of(state.Output, manifest, name => hashes.Of(Path.Combine(merge.OutputFolder, name), cancellation));
            files.Add(RecordedFile.Of(MergedFiles.Provenance, provenance));
            state.Ownership.Bring(files);
            AtomicFile.Write(Path.Combine(merge.OutputFolder, MergedFiles.Provenance), provenance);
            state.Ownership.Complete(state.Output.FileNames.ToHashSet(StringComparer.Ordinal), files);
        }
        catch (Exception e)
            when (!publishing
                && e is CheckpointException or DiagnosticException or IOException
                && inputs.Changed().FirstOrDefault() is { } changed)
        {
            // What was found in a file that is half one thing and half another is no fault of either.
            throw InputChanged(state.Plan, changed);
        }
        catch (CheckpointException e)
        {
            throw FileDiagnostics.From(e, merge.Location);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new DiagnosticException(DiagnosticCode.OutputUnwritable,
                $"Merge '{merge.Name}' cannot make its output: {FileFault.Of(e, merge.OutputFolder, FileAct.Write).Message} "
                + (publishing
                    ? "Some files there are new already and some are not; the next build completes them."
                    : "The earlier output, if any, is kept."), merge.Location);
        }
        finally
        {
            // What was interrupted between two renames stays, and the record tells the next build whose the new files are.
            if (!publishing)
                Abandon(state.Ownership);
        }
    }

    private T Guarded<T>(MergePlan plan, Func<T> work, string outcome)
    {
        try
        {
            return work();
        }
        catch (Exception e)
            when (e is CheckpointException or DiagnosticException or IOException && inputs.Changed().FirstOrDefault() is { } changed)
        {
            throw InputChanged(plan, changed);
        }
        catch (CheckpointException e)
        {
            throw FileDiagnostics.From(e, plan.Declaration.Location);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new DiagnosticException(
                DiagnosticCode.OutputUnwritable,
                $"Merge '{plan.Name}' cannot make its output: "
                    + $"{FileFault.Of(e, PartFolder.RootOf(plan), FileAct.Write).Message} {outcome}",
                plan.Declaration.Location);
        }
    }

    private static DiagnosticException InputChanged(MergePlan plan, string path) => new(FileDiagnostics.Of(
        DiagnosticCode.UnreadableInput, $"Merge '{plan.Name}': ", FileFault.Changed(path), path, FileAct.Read, plan.LocationOf(path)));

    private static IEnumerable<string> NewNames(OutputState state) =>
        state.StaleShards.Select(shard => shard.FileName)
            .Concat(state.StaleExports.Select(export => export.FileName))
            .Concat(state.StaleFiles.Select(file => file.Name));

    // All files but the statement of provenance: those that are there already too, so that a record is complete however it began.
    private static List<RecordedFile> Describe(
        OutputState state, Dictionary<string, ContentDigest> checksums, Dictionary<string, ContentDigest> exports, RecordedFile manifest) =>
    [
        .. state.Plan.Shards.Select(shard => RecordedFile.OfWeights(shard.FileName, shard.Length, PartsOf(shard, checksums))),
        .. state.Plan.Exports.Select(
            export => RecordedFile.OfExport(export.FileName, export.Model.Layout.Length, exports[export.FileName])),
        .. state.Output.Files.Select(file => new RecordedFile(file.Name, file.Length, file.Digest.ToString())),
        manifest,
    ];

    private static Dictionary<string, ContentDigest> PartsOf(Shard shard, Dictionary<string, ContentDigest> checksums)
    {
        var parts = shard.Tensors.ToDictionary(tensor => tensor.Name, tensor => checksums[tensor.Name], StringComparer.Ordinal);
        parts[WeightParts.Header] = WeightParts.ChecksumOf(shard.Header);
        return parts;
    }

    private FoundShards FindParts(OutputState state, CancellationToken cancellation)
    {
        var found = Parts?.Find(state.StaleShards, cancellation) ?? FoundShards.Empty;
        foreach (var unfit in Parts?.Unfit ?? [])
            progress.Note($"{state.Plan.Name}: {unfit}, and is not used.");
        return OnlyAssembles && state.StaleShards.Where(shard => !found.ContainsKey(shard.FileName)).ToList() is { Count: > 0 } missing
            ? throw Parts!.Missing(missing)
            : found;
    }

    private Dictionary<string, ContentDigest> WriteShards(
        OutputState state, FoundShards found, string partial, CancellationToken cancellation)
    {
        var checksums = state.Kept.ToDictionary(pair => pair.Key, pair => pair.Value.Checksum, StringComparer.Ordinal);
        if (state.StaleShards.Count == 0)
            return checksums;
        var missing = state.StaleShards.Where(shard => !found.ContainsKey(shard.FileName)).ToList();
        Make(state, missing, partial, checksums, cancellation);

        // Last, so that whatever goes wrong before leaves the parts where they are.
        foreach (var shard in state.StaleShards.Except(missing))
        {
            var (folder, sums) = found[shard.FileName];
            foreach (var tensor in shard.Tensors)
                checksums[tensor.Name] = sums[tensor.Name];
            Parts!.Take(folder, shard.FileName, partial);
        }

        return checksums;
    }

    private void Make(
        OutputState state,
        List<Shard> shards,
        string partial,
        Dictionary<string, ContentDigest> checksums,
        CancellationToken cancellation)
    {
        if (shards.Count == 0)
            return;
        var made = MadeBy ?? state.Plan;
        var plans = made.Tensors.ToDictionary(tensor => tensor.Output.Name, StringComparer.Ordinal);
        var earlier = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        using var pool = new BlockPool(workers);
        ModelSurvey? survey = null;
        var writer = new TensorWriter(
            plan => Begin(context => state.Plan.Method.Begin(context with { Survey = survey, Cancellation = cancellation }), plan),
            new WorkerTeam(workers, cancellation));
        if (state.Plan.Method.NeedsSurvey)
            survey = Survey(made, writer, Begin);
        try
        {
            foreach (var shard in shards)
            {
                var bypass = !IsReadSoon && shard.Length >= SmallestBypass;
                using var file = new BlockFile(
                    Path.Combine(partial, shard.FileName), shard.Length, pool, bypass, progress.Written, cancellation);
                file.Write(0, shard.Header);
                foreach (var tensor in shard.Tensors)
                {
                    if (!state.Kept.TryGetValue(tensor.Name, out var kept))
                        checksums[tensor.Name] = TensorFaults.Explain(
                            made, plans[tensor.Name], () => writer.Make(plans[tensor.Name], tensor, file));
                    else if (writer.Copy(
                        Earlier(earlier, kept.Path), OffsetOf(earlier[kept.Path], tensor.Name), tensor, file) != kept.Checksum)
                        throw new IOException($"'{kept.Path}' changed while it was read.");
                }

                file.Complete();
            }
        }
        finally
        {
            foreach (var file in earlier.Values)
                file.Dispose();
        }
    }

    private TensorMerge Begin(Func<TensorContext, TensorMerge> begin, TensorPlan plan) =>
        plan.KeepWith?.Begin(plan.Context!) ?? Importance?.Begin(begin, plan) ?? begin(plan.Context!);

    /// <summary>What a method must know of all tensors before it merges one; <see langword="null"/> where it merges none.</summary>
    internal static ModelSurvey? Survey(
        MergePlan plan, TensorWriter writer, Func<Func<TensorContext, TensorMerge>, TensorPlan, TensorMerge> begin)
    {
        var merged = plan.Tensors.Where(tensor => tensor.IsMerged).ToList();
        if (merged.Count == 0)
            return null;
        var survey = plan.Method.BeginSurvey([.. merged.Select(tensor => tensor.Context!)]);
        foreach (var round in survey.Rounds())
        {
            foreach (var tensor in merged)
                TensorFaults.Explain(plan, tensor, () => writer.Look(tensor, begin(round.Begin, tensor)));
            round.End();
        }

        return survey;
    }

    private static SafetensorsFile Earlier(Dictionary<string, SafetensorsFile> open, string path) =>
        open.TryGetValue(path, out var file) ? file : open[path] = SafetensorsFile.Open(path);

    private static long OffsetOf(SafetensorsFile file, string tensor) => file.Header.Tensors.First(info => info.Name == tensor).Offset;

    // From here on nothing is cancelled: a few renames take less time than anybody waits for.
    private void Publish(OutputState state, string partial)
    {
        var folder = state.Plan.Declaration.OutputFolder;
        foreach (var name in NewNames(state))
            Publish(partial, folder, name);

        // Before the manifest: once that is the new one, nobody would know that these were an earlier output's.
        DeleteFiles(folder, state.Leftovers);
        Publish(partial, folder, MergedFiles.Manifest);
    }

    private void Publish(string partial, string folder, string name)
    {
        var path = Path.Combine(folder, name);
        progress.Publishing(path);
        if (name.Contains('/', StringComparison.Ordinal))
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Move(Path.Combine(partial, MergedFiles.Prepared(name)), path, overwrite: true);
    }

    private static void DeleteFiles(string folder, IEnumerable<string> names)
    {
        foreach (var name in names)
            OutputRemoval.DeleteWithFolder(folder, name);
    }

    // So that the next build, finding the stamps it knows, reads none of this back.
    private void Remember(
        OutputState state,
        Dictionary<string, ContentDigest> checksums,
        Dictionary<string, ContentDigest> exports,
        Dictionary<string, FileStamp?> prepared)
    {
        foreach (var shard in state.StaleShards)
            Remember(state, shard.FileName, DigestKind.Checksum, PartsOf(shard, checksums), prepared);
        foreach (var export in state.StaleExports)
        {
            Remember(
                state, export.FileName, DigestKind.Checksum,
                new Dictionary<string, ContentDigest> { [FileHasher.Whole] = exports[export.FileName] }, prepared);
        }

        foreach (var file in state.StaleFiles)
            Remember(
                state, file.Name, DigestKind.Sha256, new Dictionary<string, ContentDigest> { [FileHasher.Whole] = file.Digest }, prepared);
    }

    private void Remember(
        OutputState state,
        string name,
        DigestKind kind,
        IReadOnlyDictionary<string, ContentDigest> parts,
        Dictionary<string, FileStamp?> prepared)
    {
        // Renaming a file changes nothing of it but the time of change: anything else was somebody's doing since.
        var path = Path.Combine(state.Plan.Declaration.OutputFolder, name);
        if (FileStamp.Of(path) is not { } stamp || stamp with { Changed = prepared[name]?.Changed ?? 0 } != prepared[name])
            return;
        stamp.Settle();
        memo.Remember(path, kind, new FileDigests(stamp, FileStamp.Now, parts));
    }

    // Settled, so that a later write shows.
    private static FileStamp? StampOf(string path)
    {
        var stamp = FileStamp.Of(path);
        stamp?.Settle();
        return stamp;
    }

    private void Abandon(OutputOwnership ownership)
    {
        try
        {
            Parts?.GiveBack();
            ownership.Abandon();
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            // What stopped the work is what is told; the next build finds the record and makes the output anew.
        }
    }
}
