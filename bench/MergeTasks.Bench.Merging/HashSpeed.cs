using System.Security.Cryptography;
using MergeTasks.Caching;

namespace MergeTasks.Bench.Merging;

/// <summary>Digesting a changed file, and what SHA-256 alone can do.</summary>
internal static class HashSpeed
{
    private const int Chunk = 1 << 20;

    /// <summary>Digests a file that no memo knows, from the page cache.</summary>
    public static void DigestFile(string path, string emptyCache, int threads) =>
        new FileHasher(new DigestMemo(emptyCache), threads).DigestWhole(path, CancellationToken.None);

    /// <summary>Hashes as many bytes, over and over the same ones in memory.</summary>
    public static unsafe void HashMemory(long bytes, int threads) =>
        DiskLimits.OnThreads(threads, bytes / Chunk, Chunk, (_, buffer) => SHA256.HashData(new ReadOnlySpan<byte>((void*)buffer, Chunk)));
}
