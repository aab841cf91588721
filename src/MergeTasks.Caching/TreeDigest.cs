using System.Buffers.Binary;
using System.Security.Cryptography;
using MergeTasks.Files;

namespace MergeTasks.Caching;

/// <summary>
/// The content digest of data of any length: the SHA-256 (or checksum, see <see cref="DigestKind"/>) of each chunk of
/// <see cref="ChunkSize"/> bytes, and, where there is more than one, SHA-256 over a prefix, the length and what the chunks gave.
/// Chunks can be hashed in any order and on all cores. Data of at most one chunk has its plain SHA-256 or checksum.
/// </summary>
internal sealed class TreeDigest
{
    /// <summary>Bytes of one chunk.</summary>
    public const int ChunkSize = 1 << 20;

    private readonly byte[] _chunks;
    private readonly long _length;

    /// <summary>Prepares for data of the given length.</summary>
    public TreeDigest(long length)
    {
        _length = length;
        _chunks = new byte[ChunkCount(length) * SHA256.HashSizeInBytes];
    }

    /// <summary>The digest of bytes in memory: what <see cref="FileHasher"/> finds in a file that holds them.</summary>
    public static ContentDigest Of(ReadOnlySpan<byte> bytes, DigestKind kind = DigestKind.Sha256)
    {
        var tree = new TreeDigest(bytes.Length);
        using var sum = kind.NewSum();
        for (var i = 0; i < ChunkCount(bytes.Length); i++)
        {
            sum.Append(bytes.Slice(i * ChunkSize, Math.Min(ChunkSize, bytes.Length - (i * ChunkSize))));
            sum.Finish(tree.Chunk(i));
        }

        return tree.Finish();
    }

    /// <summary>The digest of a file that nobody else knows of yet, read from beginning to end.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ContentDigest OfFile(string path)
    {
        using var file = InputFile.OpenStream(path);
        var tree = new TreeDigest(file.Length);
        var buffer = new byte[ChunkSize];
        for (var i = 0; i < ChunkCount(file.Length); i++)
            SHA256.HashData(buffer.AsSpan(0, file.ReadAtLeast(buffer, ChunkSize, throwOnEndOfStream: false)), tree.Chunk(i));
        return tree.Finish();
    }

    /// <summary>Number of chunks of data of a length: at least 1.</summary>
    public static long ChunkCount(long length) => Math.Max(1, (length + ChunkSize - 1) / ChunkSize);

    /// <summary>Where the SHA-256 or checksum of one chunk goes (32 bytes); chunks may be set in any order, from any thread.</summary>
    public Span<byte> Chunk(long index) => _chunks.AsSpan(checked((int)(index * SHA256.HashSizeInBytes)), SHA256.HashSizeInBytes);

    /// <summary>The digest, once every chunk is set.</summary>
    public ContentDigest Finish()
    {
        if (_chunks.Length == SHA256.HashSizeInBytes)
            return new ContentDigest(_chunks);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, _length);
        hash.AppendData("MergeTasks chunks\n"u8);
        hash.AppendData(length);
        hash.AppendData(_chunks);
        return new ContentDigest(hash.GetHashAndReset());
    }
}
