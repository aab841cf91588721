using System.Security.Cryptography;
using MergeTasks.Files;

namespace MergeTasks.Caching.Remote;

/// <summary>
/// Entries in a cache that speaks the Bazel remote cache's HTTP protocol. At <c>/ac/KEY</c> stands an <see cref="ActionResult"/> that names
/// the content's SHA-256, and at <c>/cas/SHA-256</c> the content, which counts only where it has that digest and length.
/// </summary>
/// <param name="connection">The server, and what is known of it in this build.</param>
/// <param name="told">Hears, once in a build of each kind, of what is wrong.</param>
internal sealed class RemoteCache(RemoteConnection connection, Action<RemoteProblem> told) : ISharedEntries
{
    /// <summary>Whether it has failed and is not asked any more.</summary>
    public bool IsClosed => connection.IsClosed;

    /// <inheritdoc/>
    public bool Has(ContentDigest key, CancellationToken cancellation) =>
        Ask(key, async () => await ResultAsync(key, cancellation) is not null, cancellation);

    /// <inheritdoc/>
    public bool TryFetch(ContentDigest key, string path, long longest, CancellationToken cancellation) =>
        Ask(key, () => FetchAsync(key, path, longest, cancellation), cancellation);

    private bool Ask(ContentDigest key, Func<Task<bool>> work, CancellationToken cancellation)
    {
        if (connection.IsClosed || connection.HasRefused(key))
            return false;
        try
        {
            // Callers wait, in whatever context they are; no part of the work needs that.
            return Task.Run(work, cancellation).GetAwaiter().GetResult();
        }
        catch (RemoteFault e) when (e.IsOfEntry)
        {
            Refuse(key, e.Message);
        }
        catch (RemoteFault e)
        {
            connection.Close();
            Tell(false, $"The shared cache {connection.Address} {e.Message}. This build goes on without it.");
        }

        return false;
    }

    /// <inheritdoc/>
    public void Refuse(ContentDigest key, string why)
    {
        connection.Refuse(key);
        Tell(true, $"An entry of the shared cache {connection.Address} is not used: it {why}. It is computed instead (ac/{key}).");
    }

    /// <inheritdoc/>
    public void Offer(ContentDigest key, string path, CancellationToken cancellation)
    {
        if (connection.TakesNothing)
            return;
        try
        {
            Task.Run(() => OfferAsync(key, path, cancellation), cancellation).GetAwaiter().GetResult();
        }
        catch (RemoteFault e) when (e.IsOfEntry)
        {
            Tell(false, $"The shared cache {connection.Address} {e.Message}, so others have to compute some scores too.");
        }
        catch (RemoteFault e)
        {
            connection.StopOffering();
            Tell(
                false,
                $"The shared cache {connection.Address} {e.Message}. This build puts nothing into it (MergeCacheReadOnly does so without "
                    + "this warning).");
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            // Removed from the local cache, or unreadable: nothing that this build needs.
        }
    }

    private async Task<ActionResult?> ResultAsync(ContentDigest key, CancellationToken cancellation)
    {
        using var message = new MemoryStream();
        return !await connection.Client.GetAsync($"ac/{key}", ActionResult.Longest, message, cancellation) ? null
            : ActionResult.Parse(message.ToArray())
                ?? throw new RemoteFault("is no result of an action with a score") { IsOfEntry = true };
    }

    private async Task<bool> FetchAsync(ContentDigest key, string path, long longest, CancellationToken cancellation)
    {
        if (await ResultAsync(key, cancellation) is not { } result)
            return false;
        if (result.Length > longest)
            throw new RemoteFault("names a content that is larger than the cache may be") { IsOfEntry = true };
        await using var file = new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        if (!await connection.Client.GetAsync($"cas/{result.Content}", result.Length, file, cancellation))
            return false;
        if (file.Length != result.Length)
            throw new RemoteFault($"is {file.Length} bytes long and not {result.Length}") { IsOfEntry = true };
        file.Position = 0;
        return new ContentDigest(await SHA256.HashDataAsync(file, cancellation)) == result.Content
            ? true
            : throw new RemoteFault("has another SHA-256 than its name says") { IsOfEntry = true };
    }

    // The content first: servers check that what a result names is there, and so may whoever reads it in between.
    private async Task OfferAsync(ContentDigest key, string path, CancellationToken cancellation)
    {
        ActionResult result;
        await using (var file = InputFile.OpenStream(path))
            result = new ActionResult(new ContentDigest(await SHA256.HashDataAsync(file, cancellation)), file.Length);
        await connection.Client.PutAsync($"cas/{result.Content}", result.Length, () => InputFile.OpenStream(path), cancellation);
        var message = result.ToBytes();
        await connection.Client.PutAsync($"ac/{key}", message.Length, () => new MemoryStream(message), cancellation);
    }

    private void Tell(bool isOfEntry, string message)
    {
        if (connection.IsFirst(isOfEntry))
            told(new RemoteProblem(isOfEntry, message));
    }
}
