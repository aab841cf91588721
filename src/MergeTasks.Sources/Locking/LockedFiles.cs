using System.Collections.Concurrent;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Locking;

/// <summary>Hashes the files of a model, and compares them with what was locked.</summary>
internal static class LockedFiles
{
    private const int Parallelism = 4;

    /// <summary>Sizes and hashes of files as they are now.</summary>
    /// <param name="names">File names.</param>
    /// <param name="pathOf">Full path of each.</param>
    /// <param name="hashes">Hashes them.</param>
    /// <param name="cancellation">Ends reading.</param>
    public static async Task<IReadOnlyDictionary<string, LockedFile>> HashAsync(
        IEnumerable<string> names, Func<string, string> pathOf, FileSha256 hashes, CancellationToken cancellation)
    {
        var files = new ConcurrentDictionary<string, LockedFile>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(
            names, new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellation }, (name, token) =>
        {
            var path = pathOf(name);
            files[name] = new LockedFile(FileStamp.Of(path)?.Size ?? throw InputFile.WhyNot(path), hashes.Of(path, token).ToString());
            return default;
        });
        return files;
    }

    /// <summary>Compares the files with a lock.</summary>
    /// <exception cref="SourceException"><see cref="SourceError.LockedFileChanged"/>, with both hashes of the first file that
    /// differs.</exception>
    public static async Task CheckAsync(
        string key, LockedModel locked, Func<string, string> pathOf, FileSha256 hashes, CancellationToken cancellation)
    {
        var found = await HashAsync(locked.Files.Keys, pathOf, hashes, cancellation);
        foreach (var (name, expected) in locked.Files)
        {
            if (found[name] == expected)
                continue;
            throw new SourceException(SourceError.LockedFileChanged,
                $"'{name}' of '{key}' is not the locked one: {LockFile.FileName} has SHA-256 {expected.Sha256} ({expected.Size} bytes), "
                + $"'{pathOf(name)}' has {found[name].Sha256} ({found[name].Size} bytes). "
                + "Delete that file and build again to fetch it anew; where another version is meant, -p:UpdateModels=true renews the "
                + "lock.");
        }
    }
}
