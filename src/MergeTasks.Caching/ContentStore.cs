using MergeTasks.Files;

namespace MergeTasks.Caching;

/// <summary>
/// Results of long computations, filed under the digest of everything that they depend on and shared by all builds of a user.
/// An entry's name carries the digest of its bytes, so that a damaged one is noticed and made again; it appears by a single rename, so that
/// a killed build leaves none that is half written. Each entry has a lock, whose time of writing also tells when it was last used.
/// </summary>
/// <param name="cacheFolder">The user's cache folder; entries lie in its folder <c>scores</c>.</param>
/// <param name="hasher">Digests entries; those that have not changed since they were digested are not read.</param>
internal sealed class ContentStore(string cacheFolder, FileHasher hasher)
{
    /// <summary>Bytes that the store keeps unless told otherwise.</summary>
    public const long DefaultSizeLimit = 20L << 30;

    private const string Subfolder = "scores";
    private const string Extension = ".safetensors";
    private const string Unfinished = ".tmp";

    private readonly string _folder = Path.Combine(cacheFolder, Subfolder);
    private readonly HashSet<ContentDigest> _used = [];

    /// <summary>
    /// Most bytes of all entries together; those that were not used for the longest time go first. Entries that this object has handed out
    /// stay.
    /// </summary>
    public long SizeLimit { get; init; } = DefaultSizeLimit;

    /// <summary>Whether entries that other builds have made are made again.</summary>
    public bool Refreshes { get; init; }

    /// <summary>
    /// What other machines have made, which is asked where this one has no entry, and gets what it makes; <see langword="null"/>: nothing.
    /// </summary>
    public ISharedEntries? Shared { get; init; }

    /// <summary>The file of an entry, fetched first where only other machines have made it.</summary>
    /// <param name="key">Digest of everything that the content depends on.</param>
    /// <param name="isOf">Whether a file says of itself that it is this entry: whoever copies one under another's name makes none.</param>
    /// <param name="cancellation">Ends digesting.</param>
    /// <returns><see langword="null"/> where there is none, or only a damaged one.</returns>
    public string? Find(ContentDigest key, Func<string, bool> isOf, CancellationToken cancellation)
    {
        if (Refreshes && !IsUsed(key))
            return null;
        return Local(key, isOf, cancellation) ?? Fetched(key, isOf, cancellation);
    }

    /// <summary>Whether there is an entry, here or by what other machines say; nothing is fetched.</summary>
    /// <inheritdoc cref="Find"/>
    public bool Has(ContentDigest key, Func<string, bool> isOf, CancellationToken cancellation) =>
        (!Refreshes || IsUsed(key))
            && (Local(key, isOf, cancellation) is not null || Shared?.Has(key, cancellation) == true);

    /// <summary>
    /// The file of an entry, made if need be. Of several builds that want the same entry, one makes it and the others wait.
    /// </summary>
    /// <param name="key">Digest of everything that the content depends on.</param>
    /// <param name="isOf">Whether a file says of itself that it is this entry.</param>
    /// <param name="write">Writes the content to the file whose path it gets; where it throws, nothing is kept.</param>
    /// <param name="waiting">Called once if another build is making the entry.</param>
    /// <param name="cancellation">Ends waiting and digesting.</param>
    /// <exception cref="IOException">The store cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public string GetOrAdd(
        ContentDigest key, Func<string, bool> isOf, Action<string> write, Action? waiting, CancellationToken cancellation)
    {
        var mayRead = !Refreshes || IsUsed(key);
        if (mayRead && Local(key, isOf, cancellation) is { } found)
            return found;
        string path;
        using (FileLock.Acquire(LockOf(key), waiting, cancellation))
        {
            if (Find(key, isOf, cancellation) is { } meanwhile)
                return meanwhile;
            path = Made(key, write);
        }

        // Others who wait for the entry need not wait for the server.
        Shared?.Offer(key, path, cancellation);
        return path;
    }

    /// <summary>Whether the folder can be written.</summary>
    public bool IsWritable()
    {
        try
        {
            Directory.CreateDirectory(_folder);
            var probe = Path.Combine(_folder, $"{Guid.NewGuid():N}{Unfinished}");
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
            return true;
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            return false;
        }
    }

    /// <summary>Number and bytes of the entries below a cache folder.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static (int Entries, long Bytes) Size(string cacheFolder)
    {
        var folder = new DirectoryInfo(Path.Combine(cacheFolder, Subfolder));
        var entries = folder.Exists ? folder.EnumerateFiles("*" + Extension, SearchOption.AllDirectories).ToList() : [];
        return (entries.Count, entries.Sum(entry => entry.Length));
    }

    /// <summary>Removes everything that is cached below a cache folder: entries and remembered digests.</summary>
    /// <returns>Bytes of the entries removed.</returns>
    /// <exception cref="IOException">Something cannot be removed.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static long Clean(string cacheFolder)
    {
        var bytes = 0L;
        foreach (var name in new[] { Subfolder, DigestMemo.Subfolder })
        {
            var folder = new DirectoryInfo(Path.Combine(cacheFolder, name));
            if (!folder.Exists)
                continue;
            bytes += name == Subfolder ? folder.EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length) : 0;
            folder.Delete(recursive: true);
        }

        return bytes;
    }

    private string FolderOf(ContentDigest key) => Path.Combine(_folder, key.ToString()[..2]);

    private string LockOf(ContentDigest key) => Path.Combine(FolderOf(key), key + ".lock");

    private string[] Files(ContentDigest key, string extension) =>
        Directory.Exists(FolderOf(key)) ? Directory.GetFiles(FolderOf(key), $"{key}-*{extension}") : [];

    private string Made(ContentDigest key, Action<string> write)
    {
        foreach (var left in Files(key, Unfinished))
            File.Delete(left);
        var temporary = NewTemporary(key);
        try
        {
            write(temporary);
            return Keep(key, temporary);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private string NewTemporary(ContentDigest key) => Path.Combine(FolderOf(key), $"{key}-{Guid.NewGuid():N}{Unfinished}");

    private bool IsUsed(ContentDigest key)
    {
        lock (_used)
            return _used.Contains(key);
    }

    private string? Local(ContentDigest key, Func<string, bool> isOf, CancellationToken cancellation)
    {
        var path = Intact(key, isOf, cancellation);
        if (path is not null)
            MarkUsed(key);
        return path;
    }

    // No lock is held or waited for: several builds may fetch the same content, and whoever computes it meanwhile keeps the same name.
    private string? Fetched(ContentDigest key, Func<string, bool> isOf, CancellationToken cancellation)
    {
        if (Shared is null)
            return null;
        var temporary = NewTemporary(key);
        try
        {
            Directory.CreateDirectory(FolderOf(key));
            if (!Shared.TryFetch(key, temporary, SizeLimit, cancellation))
                return null;
            if (isOf(temporary))
                return Keep(key, temporary);
            Shared.Refuse(key, "does not say of itself that it was computed from what is looked for");
            return null;
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            // The disk is full, or the folder cannot be written: whoever computes the entry meets that too, and tells it.
            return null;
        }
        finally
        {
            if (File.Exists(temporary))
                File.Delete(temporary);
        }
    }

    private string Keep(ContentDigest key, string temporary)
    {
        var path = Path.Combine(FolderOf(key), $"{key}-{TreeDigest.OfFile(temporary)}{Extension}");
        foreach (var earlier in Files(key, Extension).Where(earlier => earlier != path))
            File.Delete(earlier);
        File.Move(temporary, path, overwrite: true);
        MarkUsed(key);
        Prune();
        return path;
    }

    private string? Intact(ContentDigest key, Func<string, bool> isOf, CancellationToken cancellation)
    {
        foreach (var path in Files(key, Extension).Order(StringComparer.Ordinal))
        {
            try
            {
                if (Path.GetFileName(path) == $"{key}-{hasher.DigestWhole(path, cancellation)}{Extension}" && isOf(path))
                    return path;
            }
            catch (Exception e) when (FileFault.Covers(e))
            {
                // Removed by another build, or unreadable: the same as absent.
            }
        }

        return null;
    }

    private void MarkUsed(ContentDigest key)
    {
        lock (_used)
            _used.Add(key);
        try
        {
            if (!File.Exists(LockOf(key)))
                File.WriteAllBytes(LockOf(key), []);
            File.SetLastWriteTimeUtc(LockOf(key), DateTime.UtcNow);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            // A store that can only be read still serves; only the order of pruning suffers.
        }
    }

    private void Prune()
    {
        var entries = new DirectoryInfo(_folder).EnumerateFiles("*" + Extension, SearchOption.AllDirectories).ToList();
        var total = entries.Sum(entry => entry.Length);
        foreach (var entry in entries.OrderBy(LastUse).ThenBy(entry => entry.Name, StringComparer.Ordinal))
        {
            if (total <= SizeLimit)
                return;
            if (IsInUse(entry))
                continue;
            total -= entry.Length;
            try
            {
                entry.Delete();
            }
            catch (Exception e) when (FileFault.Covers(e))
            {
                // Open elsewhere on a system where that forbids deleting; the next build tries again.
            }
        }
    }

    private bool IsInUse(FileInfo entry)
    {
        lock (_used)
            return _used.Any(key => entry.Name.StartsWith(key.ToString(), StringComparison.Ordinal));
    }

    private static DateTime LastUse(FileInfo entry)
    {
        var mark = new FileInfo(Path.Combine(entry.DirectoryName!, entry.Name.Split('-')[0] + ".lock"));
        return mark.Exists ? mark.LastWriteTimeUtc : entry.LastWriteTimeUtc;
    }
}
