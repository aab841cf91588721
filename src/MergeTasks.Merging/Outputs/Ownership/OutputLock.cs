using MergeTasks.Caching;
using MergeTasks.Files;

namespace MergeTasks.Merging.Outputs.Ownership;

/// <summary>
/// Held while an output is written or removed: the merge's own lock file, and one for the folder, which another configuration of the
/// project, whose lock files are others, may have for its output, too.
/// </summary>
internal sealed class OutputLock : IDisposable
{
    private const string Subfolder = "outputs";

    private readonly FileLock _own;
    private readonly FileLock? _folder;

    private OutputLock(FileLock own, FileLock? folder) => (_own, _folder) = (own, folder);

    /// <summary>Waits for the lock.</summary>
    /// <param name="lockFile">The merge's lock file.</param>
    /// <param name="outputFolder">Full path of the output folder.</param>
    /// <param name="cacheFolder">The user's cache folder; where it cannot be written there is no lock for the folder.</param>
    /// <param name="waiting">Called if another build has it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="IOException">The lock file cannot be written.</exception>
    public static OutputLock Acquire(
        string lockFile, string outputFolder, string cacheFolder, Action? waiting, CancellationToken cancellation)
    {
        var own = FileLock.Acquire(lockFile, waiting, cancellation);
        try
        {
            return new OutputLock(own, OfFolder(outputFolder, cacheFolder, waiting, cancellation));
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _folder?.Dispose();
        _own.Dispose();
    }

    private static FileLock? OfFolder(string outputFolder, string cacheFolder, Action? waiting, CancellationToken cancellation)
    {
        var name = ContentDigest.Of(InputFolder.RealPath(outputFolder)).ToString();
        try
        {
            return FileLock.Acquire(Path.Combine(cacheFolder, Subfolder, name + ".lock"), waiting, cancellation);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            return null;
        }
    }
}
