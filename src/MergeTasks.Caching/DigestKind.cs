using System.Security.Cryptography;

namespace MergeTasks.Caching;

/// <summary>How the content of data's chunks is summed up.</summary>
public enum DigestKind
{
    /// <summary>SHA-256: the identity of what comes from elsewhere, which nobody can imitate.</summary>
    Sha256,

    /// <summary>
    /// <see cref="FourthOrderSums"/>: tells an output from one that was edited or damaged, at a small part of the cost. Whoever could
    /// imitate it could as well edit the manifest that it is compared with.
    /// </summary>
    Checksum,
}

/// <summary>Applies a <see cref="DigestKind"/>.</summary>
internal static class DigestKinds
{
    /// <summary>Writes the 32 bytes that stand for one chunk.</summary>
    public static void SumUp(this DigestKind kind, ReadOnlySpan<byte> chunk, Span<byte> destination)
    {
        if (kind == DigestKind.Sha256)
        {
            SHA256.HashData(chunk, destination);
            return;
        }

        var sums = new FourthOrderSums();
        sums.Append(chunk);
        sums.Finish(destination);
    }
}
