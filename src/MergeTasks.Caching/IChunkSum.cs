using System.Security.Cryptography;

namespace MergeTasks.Caching;

/// <summary>Sums up chunks of bytes, one after the other, in 32 bytes each.</summary>
internal interface IChunkSum : IDisposable
{
    /// <summary>Adds bytes to the chunk; where they are cut makes no difference.</summary>
    void Append(ReadOnlySpan<byte> bytes);

    /// <summary>Writes the 32 bytes that stand for the chunk and turns to the next one.</summary>
    void Finish(Span<byte> destination);
}

/// <summary>SHA-256.</summary>
internal sealed class Sha256Sum : IChunkSum
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

    public void Finish(Span<byte> destination) => _hash.GetHashAndReset(destination);

    public void Dispose() => _hash.Dispose();
}
