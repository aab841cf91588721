using System.Net;
using System.Security.Cryptography;
using MergeTasks.Caching;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Hub;

/// <summary>
/// Fetches one file into the cache: goes on where an earlier attempt ended, and keeps nothing that has not the announced hash.
/// </summary>
/// <param name="client">The server.</param>
/// <param name="cache">The repository in the cache.</param>
/// <param name="hashes">Remembers the SHA-256.</param>
/// <param name="progress">Hears of bytes.</param>
internal sealed class HubDownload(HubClient client, HubCache cache, FileSha256 hashes, RestoreProgress progress)
{
    private const int BufferSize = 1 << 20;
    private const long NoticeableGain = 1 << 20;

    /// <summary>Fetches.</summary>
    /// <param name="request">What to ask for.</param>
    /// <param name="file">What was announced.</param>
    /// <param name="cancellation">Ends the work; what has come is kept for the next time.</param>
    /// <exception cref="SourceException">It cannot be had, or is not what was announced.</exception>
    public async Task RunAsync(HubRequest request, HubFile file, CancellationToken cancellation)
    {
        using var own = cache.Lock(file.Blob, () => progress.Waiting(file.Name), cancellation);
        var blob = cache.Blob(file.Blob);
        if (!File.Exists(blob))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
            if (!await TryAsync(request, file, cancellation) && !await TryAsync(request, file, cancellation))
                throw new SourceException(
                    SourceError.Corrupt,
                    $"'{file.Name}' of '{request.Repository}' came twice with other bytes than announced: {_found} instead "
                        + $"of {file.Blob}.");
        }

        cache.Link(request.Revision, file.Name, file.Blob);
    }

    private string _found = "";

    // Whether the file has the announced hash; if not, nothing of it is left, because a later attempt would only go on from it.
    private async Task<bool> TryAsync(HubRequest request, HubFile file, CancellationToken cancellation)
    {
        var partial = cache.Partial(file.Blob);
        using (var hash = new BlobHash(file))
        {
            await using (var target = new FileStream(partial, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0))
            {
                await TakeUpAsync(target, hash, file, cancellation);
                while (target.Length < file.Size)
                    await GoOnAsync(target, hash, request, file, cancellation);
            }

            var (found, sha256) = hash.Finish();
            if (found == file.Blob)
            {
                File.Move(partial, cache.Blob(file.Blob), overwrite: true);
                hashes.Remember(cache.Blob(file.Blob), sha256);
                return true;
            }

            _found = found;
        }

        File.Delete(partial);
        progress.Received(-file.Size);
        return false;
    }

    // What an earlier attempt, or another tool, has fetched already. All of it counts in the hash.
    private static async Task TakeUpAsync(FileStream target, BlobHash hash, HubFile file, CancellationToken cancellation)
    {
        if (target.Length > file.Size)
            target.SetLength(0);
        var buffer = new byte[BufferSize];
        int got;
        while ((got = await target.ReadAsync(buffer, cancellation)) > 0)
            hash.Append(buffer.AsSpan(0, got));
    }

    // A series of attempts that brought something is followed by another: only one that brought nothing ends the work.
    private async Task GoOnAsync(FileStream target, BlobHash hash, HubRequest request, HubFile file, CancellationToken cancellation)
    {
        var before = target.Length;
        try
        {
            await client.Retries.ExecuteAsync(async token => await ReceiveAsync(target, hash, request, file, token), cancellation);
        }
        catch (SourceException e) when (e.IsTransient && target.Length - before >= NoticeableGain)
        {
            progress.Note(e.Message);
        }
    }

    private async Task ReceiveAsync(FileStream target, BlobHash hash, HubRequest request, HubFile file, CancellationToken cancellation)
    {
        using var response = await client.FileAsync(request, target.Length, cancellation);
        if (response.StatusCode != HttpStatusCode.PartialContent && target.Length > 0)
        {
            progress.Received(-target.Length);
            target.SetLength(0);
            hash.Restart();
        }

        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            throw new SourceException(
                SourceError.Unavailable, $"The server does not go on with '{file.Name}' of '{request.Repository}'.")
            { IsTransient = true };
        if (response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From != target.Length)
            throw new SourceException(
                SourceError.Corrupt, $"The server sent another part of '{file.Name}' of '{request.Repository}' than was asked for.");
        if (response.Content.Headers.ContentLength is { } length && length != file.Size - target.Length)
            throw WrongLength(request, file, target.Length + length);
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[BufferSize];
        int got;
        while ((got = await client.ReadAsync(body, buffer, request, cancellation)) > 0)
        {
            if (target.Length + got > file.Size)
                throw WrongLength(request, file, target.Length + got);
            hash.Append(buffer.AsSpan(0, got));
            await target.WriteAsync(buffer.AsMemory(0, got), cancellation);
            progress.Received(got);
        }

        if (target.Length < file.Size)
            throw new SourceException(
                SourceError.Unavailable,
                $"The server ended '{file.Name}' of '{request.Repository}' after {target.Length} of {file.Size} bytes.")
            {
                IsTransient = true
            };
    }

    private static SourceException WrongLength(HubRequest request, HubFile file, long length) =>
        new(
            SourceError.Corrupt,
            $"'{file.Name}' of '{request.Repository}' has {file.Size} bytes by the listing, but the server sends {length}.");

    /// <summary>The SHA-256 of a file as it comes, and its Git object name where the Hub names it so.</summary>
    private sealed class BlobHash : IDisposable
    {
        private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly IncrementalHash? _git;
        private readonly long _size;

        public BlobHash(HubFile file)
        {
            _size = file.Size;
            _git = file.Sha256 is null ? GitObject.NewHash() : null;
            _git?.AppendData(GitObject.Prefix(_size));
        }

        public void Append(ReadOnlySpan<byte> bytes)
        {
            _sha256.AppendData(bytes);
            _git?.AppendData(bytes);
        }

        public void Restart()
        {
            _sha256.GetHashAndReset();
            _git?.GetHashAndReset();
            _git?.AppendData(GitObject.Prefix(_size));
        }

        public (string Found, ContentDigest Sha256) Finish()
        {
            var sha256 = new ContentDigest(_sha256.GetHashAndReset());
            return (_git is null ? sha256.ToString() : Convert.ToHexStringLower(_git.GetHashAndReset()), sha256);
        }

        public void Dispose()
        {
            _sha256.Dispose();
            _git?.Dispose();
        }
    }
}
