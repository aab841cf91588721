using MergeTasks.Files;
using MergeTasks.Numerics.Threads;
using Microsoft.Win32.SafeHandles;

namespace MergeTasks.Caching;

/// <summary>Digests files part by part: from the memo where it knows them, else by reading on all cores.</summary>
/// <param name="memo">What is known already.</param>
/// <param name="threads">Threads that read and hash.</param>
internal sealed class FileHasher(DigestMemo memo, int threads)
{
    /// <summary>Name of the part that <see cref="DigestWhole"/> makes of a whole file.</summary>
    public const string Whole = "*";

    // Small enough to be hashed from the second-level cache, large enough for the system call.
    private const int PieceSize = 128 << 10;

    private const int Attempts = 3;

    /// <summary>Called before a file is read, with its path and bytes.</summary>
    public Action<string, long>? Reading { get; init; }

    /// <summary>Called from any thread as bytes are hashed.</summary>
    public Action<long>? Hashed { get; init; }

    /// <summary>
    /// Hears of every file that is digested, and of its stamp; <see langword="null"/> where the files may change afterwards.
    /// </summary>
    public IdentifiedFiles? Identified { get; init; }

    /// <summary>The digests of a file's parts.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="kind">Which digests.</param>
    /// <param name="partition">Lists the parts; called only when the file must be read.</param>
    /// <param name="cancellation">Ends reading.</param>
    /// <exception cref="IOException">There is no such file, it cannot be read, or it goes on changing while it is.</exception>
    public FileDigests Digest(string path, DigestKind kind, Func<IReadOnlyList<FilePart>> partition, CancellationToken cancellation)
    {
        var digests = FindOrRead(path, kind, partition, cancellation);
        Identified?.Add(path, digests.Stamp);
        return digests;
    }

    /// <summary>The SHA-256 digest of a small file as a whole.</summary>
    /// <inheritdoc cref="Digest"/>
    public ContentDigest DigestWhole(string path, CancellationToken cancellation) =>
        Digest(path, DigestKind.Sha256, () => [new FilePart(Whole, 0, StampOf(path).Size)], cancellation).Parts[Whole];

    /// <summary>The plain SHA-256 of a file, as others publish it.</summary>
    /// <inheritdoc cref="FileSha256.Of"/>
    public ContentDigest Published(string path, CancellationToken cancellation) => new FileSha256(memo).Of(path, cancellation);

    private FileDigests FindOrRead(string path, DigestKind kind, Func<IReadOnlyList<FilePart>> partition, CancellationToken cancellation)
    {
        if (memo.Find(path, kind, StampOf(path)) is { } known)
            return known;
        using var own = memo.LockFor(path, kind, cancellation);
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var stamp = StampOf(path);

            // From here on every write leaves another stamp, so that what is read now can be told from what comes later.
            stamp.Settle();
            if (memo.Find(path, kind, stamp) is { } meanwhile)
                return meanwhile;
            var observed = FileStamp.Now;
            Reading?.Invoke(path, stamp.Size);
            var parts = Hash(path, stamp, kind, partition(), cancellation);
            if (StampOf(path) == stamp)
            {
                var digests = new FileDigests(stamp, observed, parts);
                memo.Remember(path, kind, digests);
                return digests;
            }
        }

        throw FileFault.Changed(path);
    }

    private Dictionary<string, ContentDigest> Hash(
        string path, FileStamp stamp, DigestKind kind, IReadOnlyList<FilePart> parts, CancellationToken cancellation)
    {
        using var handle = InputFile.Open(path);
        if (FileStamp.Of(FileStatus.Of(handle, path)) != stamp)
            throw FileFault.Changed(path);
        var trees = parts.Select(part => new TreeDigest(part.Length)).ToList();
        var chunks = parts.SelectMany((part, i) =>
            Enumerable.Range(0, checked((int)TreeDigest.ChunkCount(part.Length))).Select(chunk => (Part: i, Chunk: chunk))).ToList();
        var buffers = new byte[threads][];
        var sums = new IChunkSum?[threads];
        try
        {
            new WorkerTeam(threads, cancellation).Run(chunks.Count, sequential: false, (worker, next) =>
            {
                var (buffer, sum) = (buffers[worker] ??= new byte[PieceSize], sums[worker] ??= kind.NewSum());
                var (part, chunk) = (parts[chunks[(int)next].Part], chunks[(int)next].Chunk);
                var start = (long)chunk * TreeDigest.ChunkSize;
                var end = Math.Min(part.Length, start + TreeDigest.ChunkSize);
                for (var position = start; position < end; position += PieceSize)
                {
                    var bytes = buffer.AsSpan(0, (int)Math.Min(PieceSize, end - position));
                    ReadExactly(handle, path, bytes, part.Offset + position);
                    sum.Append(bytes);
                }

                sum.Finish(trees[chunks[(int)next].Part].Chunk(chunk));
                Hashed?.Invoke(end - start);
            });
        }
        finally
        {
            foreach (var sum in sums)
                sum?.Dispose();
        }

        return parts.Select((part, i) => (part.Name, Digest: trees[i].Finish()))
            .ToDictionary(pair => pair.Name, pair => pair.Digest, StringComparer.Ordinal);
    }

    private static void ReadExactly(SafeFileHandle handle, string path, Span<byte> bytes, long offset)
    {
        while (!bytes.IsEmpty)
        {
            int got;
            try
            {
                got = RandomAccess.Read(handle, bytes, offset);
            }
            catch (Exception e) when (FileFault.Covers(e))
            {
                throw FileFault.Of(e, path, FileAct.Read);
            }

            if (got == 0)
                throw FileFault.Changed(path);
            bytes = bytes[got..];
            offset += got;
        }
    }

    private static FileStamp StampOf(string path) =>
        FileStamp.Of(path) ?? throw InputFile.WhyNot(path);
}
