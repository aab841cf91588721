using MergeTasks.Files;

namespace MergeTasks.Caching;

/// <summary>
/// What the file system says of a file without reading it. Equal stamps, recorded long enough after the last change, mean equal content.
/// </summary>
/// <param name="Size">Bytes.</param>
/// <param name="Modified">Last write, in nanoseconds since 1970 (100 ns steps where the platform gives no more).</param>
/// <param name="Changed">Last change of data or attributes (ctime), in nanoseconds; 0 where the platform does not tell.</param>
/// <param name="Inode">The file's number on its volume; 0 where the platform does not tell.</param>
internal readonly record struct FileStamp(long Size, long Modified, long Changed, ulong Inode)
{
    // Two writes within one tick of the file system's clock leave the same time. Linux and Windows tick every 1-16 ms;
    // a time without a fraction of a second comes from a file system that counts whole seconds (or two: FAT).
    private const long FineGrain = 20_000_000;
    private const long CoarseGrain = 2_000_000_000;
    private const long Second = 1_000_000_000;

    /// <summary>Reads the stamp; <see langword="null"/> where there is no file of that name whose bytes lie on a disk.</summary>
    /// <exception cref="IOException">The file system did not answer.</exception>
    public static FileStamp? Of(string path) => Of(FileStatus.Of(path));

    /// <summary>The stamp that a status means; <see langword="null"/> where that is of no file whose bytes lie on a disk.</summary>
    public static FileStamp? Of(FileStatus status) =>
        status.Kind == FileKind.Regular ? new FileStamp(status.Size, status.Modified, status.Changed, status.Inode) : null;

    /// <summary>The stamp of a folder: its last change is that of the names in it.</summary>
    internal static FileStamp OfFolder(string path) => new(0, (Directory.GetLastWriteTimeUtc(path) - DateTime.UnixEpoch).Ticks * 100, 0, 0);

    /// <summary>The clock that <see cref="IsSettled"/> compares with.</summary>
    public static long Now => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;

    /// <summary>
    /// Whether content that was read at <paramref name="observed"/> is surely the content of this stamp: a write in the same tick
    /// of the file system's clock would leave the stamp as it is.
    /// </summary>
    public bool IsSettled(long observed) => observed - LatestChange > Grain;

    /// <summary>Waits until a stamp just taken is settled: a few milliseconds, or not at all where the clock counts in seconds.</summary>
    public void Settle()
    {
        while (Grain == FineGrain && !IsSettled(Now) && Now >= LatestChange)
            Thread.Sleep(1);
    }

    // Every write sets the time of change, which users cannot; the time of modification may be a copied one that lies in the future.
    private long LatestChange => Changed != 0 ? Changed : Modified;

    private long Grain => Modified % Second == 0 && Changed % Second == 0 ? CoarseGrain : FineGrain;
}
