using System.Security.Cryptography;
using MergeTasks.Files;

namespace MergeTasks.Caching;

/// <summary>
/// The SHA-256 of whole files, for comparing them with what others say of them. (<see cref="TreeDigest"/> is faster and this project's
/// own.) Remembered like other digests, so that only files that are new or changed are read.
/// </summary>
/// <param name="memo">What is known already.</param>
internal sealed class FileSha256(DigestMemo memo)
{
    private const int BufferSize = 1 << 20;
    private const int Attempts = 3;

    /// <summary>The hash of a file as it is now.</summary>
    /// <param name="path">Full path; links are followed.</param>
    /// <param name="cancellation">Ends reading.</param>
    /// <exception cref="IOException">There is no such file, it cannot be read, or it goes on changing while it is.</exception>
    public ContentDigest Of(string path, CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var stamp = StampOf(path);
            if (memo.Find(path, DigestKind.Published, stamp) is { } known && known.Parts.TryGetValue(FileHasher.Whole, out var digest))
                return digest;
            var observed = FileStamp.Now;
            digest = Read(path, cancellation);
            if (StampOf(path) != stamp)
                continue;
            memo.Remember(path, DigestKind.Published, new FileDigests(stamp, observed, Parts(digest)));
            return digest;
        }

        throw FileFault.Changed(path);
    }

    /// <summary>Remembers the hash of a file that was just written, so that it is not read for it.</summary>
    public void Remember(string path, ContentDigest digest)
    {
        if (FileStamp.Of(path) is not { } stamp)
            return;
        stamp.Settle();
        memo.Remember(path, DigestKind.Published, new FileDigests(stamp, FileStamp.Now, Parts(digest)));
    }

    private static ContentDigest Read(string path, CancellationToken cancellation)
    {
        using var file = InputFile.OpenStream(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferSize];
        int got;
        while ((got = file.Read(buffer)) > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, got);
        }

        return new ContentDigest(hash.GetHashAndReset());
    }

    private static Dictionary<string, ContentDigest> Parts(ContentDigest digest) => new() { [FileHasher.Whole] = digest };

    private static FileStamp StampOf(string path) =>
        FileStamp.Of(path) ?? throw InputFile.WhyNot(path);
}
