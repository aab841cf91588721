using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Outputs.Ownership;

/// <summary>A file as a merge wrote it.</summary>
/// <param name="Name">Its name in the output folder.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Digest">
/// Of a weight file the digest over the checksums of its header and tensors, of one written from them the checksum of its bytes, of any
/// other the tree digest (SHA-256) of its bytes: what planning looks at anyway, so that it is remembered and seldom read for this.
/// </param>
internal sealed record RecordedFile(string Name, long Length, string Digest)
{
    private const string Weights = ".safetensors";

    /// <summary>Describes a weight file.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="parts">The checksums of <see cref="WeightParts"/>.</param>
    public static RecordedFile OfWeights(string name, long length, IReadOnlyDictionary<string, ContentDigest> parts)
    {
        var lines = parts.OrderBy(part => part.Key, StringComparer.Ordinal).Select(part => $"{part.Key.Length} {part.Key} {part.Value}\n");
        return new RecordedFile(name, length, ContentDigest.Of(string.Concat(lines)).ToString());
    }

    /// <summary>Describes a file written from the weights.</summary>
    public static RecordedFile OfExport(string name, long length, ContentDigest checksum) => new(name, length, checksum.ToString());

    /// <summary>Whether a name is that of a file written from the weights.</summary>
    public static bool IsExport(string name) =>
        name.EndsWith(MergedFiles.GgufExtension, StringComparison.Ordinal) && !name.Contains('/', StringComparison.Ordinal);

    /// <summary>Describes any other file.</summary>
    public static RecordedFile Of(string name, byte[] content) => new(name, content.Length, TreeDigest.Of(content).ToString());

    /// <summary>Whether a name is that of the output's own weights; those of a module below are copied like any other file.</summary>
    public static bool IsWeights(string name) =>
        name.EndsWith(Weights, StringComparison.Ordinal) && !name.Contains('/', StringComparison.Ordinal);

    /// <summary>Describes a file that lies on the disk.</summary>
    /// <param name="folder">The output folder.</param>
    /// <param name="name">The file's name in it.</param>
    /// <param name="hasher">Digests files.</param>
    /// <param name="cancellation">Ends digesting.</param>
    /// <returns><see langword="null"/> where it cannot be what was written: a link, a damaged weight file, one that may not be
    /// read.</returns>
    public static RecordedFile? Find(string folder, string name, FileHasher hasher, CancellationToken cancellation)
    {
        var path = Path.Combine(folder, name);
        try
        {
            if (FileStatus.Of(path) is not { Kind: FileKind.Regular } status || new FileInfo(path).LinkTarget is not null)
                return null;
            if (name.Contains('/', StringComparison.Ordinal) && new FileInfo(Path.GetDirectoryName(path)!).LinkTarget is not null)
                return null;
            if (IsWeights(name))
                return WeightParts.ChecksumsOf(path, hasher, cancellation) is { } checksums
                    ? OfWeights(name, status.Size, checksums.Parts) : null;
            if (IsExport(name))
                return OfExport(name, status.Size, hasher.ChecksumWhole(path, cancellation));
            return new RecordedFile(name, status.Size, hasher.DigestWhole(path, cancellation).ToString());
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            return null;
        }
    }
}
