using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;

namespace MergeTasks.Merging.Inputs;

/// <summary>The parts of a weight file that are digested: each tensor, and the header.</summary>
internal static class WeightParts
{
    /// <summary>Name of the header's part; the format reserves it, so no tensor can have it.</summary>
    public const string Header = "__metadata__";

    /// <summary>Lists the parts of a file.</summary>
    public static IReadOnlyList<FilePart> Of(SafetensorsFile file)
    {
        var tensors = file.Header.Tensors;
        var headerLength = tensors.Count > 0 ? tensors.Min(tensor => tensor.Offset) : file.Status.Size;
        return [
            new FilePart(Header, 0, headerLength), .. tensors.Select(tensor => new FilePart(tensor.Name, tensor.Offset, tensor.ByteLength))
        ];
    }

    /// <summary>The digests of the parts of an open file.</summary>
    /// <exception cref="FileFault">Its path leads to another file by now, or to another content: the parts would not be those of the open
    /// header.</exception>
    public static FileDigests DigestsOf(SafetensorsFile file, FileHasher hasher, CancellationToken cancellation)
    {
        var opened = FileStamp.Of(file.Status);
        hasher.Identified?.Add(file.Path, opened);
        var digests = hasher.Digest(
            file.Path,
            DigestKind.Sha256,
            () => opened == FileStamp.Of(file.Path) ? Of(file) : throw FileFault.Changed(file.Path),
            cancellation);
        if (digests.Stamp != opened)
            throw FileFault.Changed(file.Path);

        // By the header's own names, which models share.
        var parts = new Dictionary<string, ContentDigest>(file.Header.Tensors.Count, StringComparer.Ordinal);
        foreach (var tensor in file.Header.Tensors)
            parts.Add(tensor.Name, digests.Parts[tensor.Name]);
        return digests with { Parts = parts };
    }

    /// <summary>The checksums of a file's parts; <see langword="null"/> where there is none that can be read.</summary>
    public static FileDigests? ChecksumsOf(string path, FileHasher hasher, CancellationToken cancellation)
    {
        try
        {
            return hasher.Digest(path, DigestKind.Checksum, () =>
            {
                using var file = SafetensorsFile.Open(path);
                return Of(file);
            }, cancellation);
        }
        catch (Exception e) when (e is CheckpointException || FileFault.Covers(e))
        {
            return null;
        }
    }

    /// <summary>The checksum of a header that is to be written.</summary>
    public static ContentDigest ChecksumOf(byte[] header) => TreeDigest.Of(header, DigestKind.Checksum);
}
