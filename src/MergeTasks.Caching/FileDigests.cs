namespace MergeTasks.Caching;

/// <summary>A byte range of a file that has an identity of its own, such as a tensor.</summary>
/// <param name="Name">Unique within the file.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Number of bytes.</param>
internal sealed record FilePart(string Name, long Offset, long Length);

/// <summary>The digests of a file's parts, valid for one stamp of the file.</summary>
/// <param name="Stamp">The stamp under which the parts were read.</param>
/// <param name="Observed">When, on the clock of <see cref="FileStamp.Now"/>, the stamp was taken.</param>
/// <param name="Parts">Part name to digest.</param>
internal sealed record FileDigests(FileStamp Stamp, long Observed, IReadOnlyDictionary<string, ContentDigest> Parts)
{
    /// <summary>Whether these digests surely describe a file that has the given stamp now.</summary>
    public bool Describes(FileStamp stamp) => stamp == Stamp && stamp.IsSettled(Observed);
}
