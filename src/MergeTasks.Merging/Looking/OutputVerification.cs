using MergeTasks.Caching;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs;

namespace MergeTasks.Merging.Looking;

/// <summary>A merged model's bytes compared with what its manifest says of them.</summary>
/// <param name="Manifest">The manifest.</param>
/// <param name="Files">Files that were compared.</param>
/// <param name="Tensors">Tensors that were compared.</param>
/// <param name="Differences">What is not as the manifest says, each with its file and without a full stop; empty where all is.</param>
internal sealed record OutputVerification(
    MergeManifest Manifest, int Files, int Tensors, IReadOnlyList<(string File, string Difference)> Differences)
{
    /// <summary>Reads all of the folder: nothing is taken from what was remembered of it.</summary>
    /// <param name="folder">Full path.</param>
    /// <param name="threads">Threads that read.</param>
    /// <param name="cancellation">Ends reading.</param>
    /// <exception cref="DiagnosticException">
    /// <see cref="DiagnosticCode.ManifestMissing"/>: there is no manifest that could say anything.
    /// </exception>
    public static OutputVerification Of(string folder, int threads, CancellationToken cancellation)
    {
        var manifest = ManifestOf(folder);
        var memo = Directory.CreateTempSubdirectory("mergetasks-verify-").FullName;
        try
        {
            var hasher = new FileHasher(new DigestMemo(memo), threads);
            var differences = new List<(string, string)>();
            foreach (var (name, digest) in manifest.Files)
            {
                if (WhyNot(folder, name) is { } reason)
                    differences.Add((name, reason));
                else if (hasher.DigestWhole(Path.Combine(folder, name), cancellation).ToString() != digest)
                    differences.Add((name, "was changed"));
            }

            foreach (var group in manifest.Tensors.GroupBy(tensor => tensor.Value.File))
                differences.AddRange(OfWeights(folder, group, hasher, cancellation).Select(difference => (group.Key, difference)));
            var listed = manifest.FileNames.ToHashSet(StringComparer.Ordinal);
            differences.AddRange(WeightFiles.List(folder)
                .Where(name => !listed.Contains(name))
                .Select(name => (name, "is no file of the output, and loaders may read it")));
            return new OutputVerification(manifest, listed.Count, manifest.Tensors.Count, differences);
        }
        finally
        {
            Directory.Delete(memo, recursive: true);
        }
    }

    /// <summary>The manifest of a merged model.</summary>
    /// <exception cref="DiagnosticException">There is no folder, or no manifest in it that can be read.</exception>
    public static MergeManifest ManifestOf(string folder)
    {
        if (!Directory.Exists(folder))
            throw new DiagnosticException(DiagnosticCode.ModelNotFound, $"There is no folder '{folder}'.", null);
        return MergeManifest.Read(folder, out var fault)
            ?? throw new DiagnosticException(
                DiagnosticCode.ManifestMissing,
                fault is null
                    ? $"'{folder}' has no {MergedFiles.Manifest}, so there is nothing to compare its bytes with. Outputs of merges have one."
                    : $"'{folder}' says nothing of itself: {fault}.",
                null);
    }

    private static IEnumerable<string> OfWeights(
        string folder,
        IEnumerable<KeyValuePair<string, ManifestTensor>> tensors,
        FileHasher hasher,
        CancellationToken cancellation)
    {
        var listed = tensors.ToDictionary(tensor => tensor.Key, tensor => tensor.Value, StringComparer.Ordinal);
        var file = listed.Values.First().File;
        if (WhyNot(folder, file) is { } reason)
            return [reason];
        if (WeightParts.ChecksumsOf(Path.Combine(folder, file), hasher, cancellation) is not { } checksums)
            return ["cannot be read as a safetensors file"];
        return listed
            .Where(tensor => !checksums.Parts.TryGetValue(tensor.Key, out var own) || own.ToString() != tensor.Value.Checksum)
            .Select(tensor => checksums.Parts.ContainsKey(tensor.Key)
                ? $"tensor '{tensor.Key}' was changed" : $"tensor '{tensor.Key}' is missing")
            .Concat(checksums.Parts.Keys
                .Where(name => name != WeightParts.Header && !listed.ContainsKey(name))
                .Select(name => $"tensor '{name}' is not in the manifest"));
    }

    private static string? WhyNot(string folder, string name) => FileStatus.Of(Path.Combine(folder, name)).Kind switch
    {
        FileKind.Regular => null,
        FileKind.None => "is missing",
        _ => "is no file",
    };
}
