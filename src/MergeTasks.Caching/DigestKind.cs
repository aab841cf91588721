namespace MergeTasks.Caching;

/// <summary>How the content of data's chunks is summed up.</summary>
internal enum DigestKind
{
    /// <summary>SHA-256: the identity of what comes from elsewhere, which nobody can imitate.</summary>
    Sha256,

    /// <summary>
    /// <see cref="FourthOrderSums"/>: tells an output from one that was edited or damaged, at a small part of the cost. Whoever could
    /// imitate it could as well edit the manifest that it is compared with.
    /// </summary>
    Checksum,

    /// <summary>Plain SHA-256 over a whole file, as others publish it: see <see cref="FileSha256"/>. Not for parts.</summary>
    Published,
}

/// <summary>Makes what sums up chunks.</summary>
internal static class DigestKinds
{
    public static IChunkSum NewSum(this DigestKind kind) => kind switch
    {
        DigestKind.Sha256 => new Sha256Sum(),
        DigestKind.Checksum => new FourthOrderSums(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a sum of chunks."),
    };
}
