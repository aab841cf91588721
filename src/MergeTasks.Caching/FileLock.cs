namespace MergeTasks.Caching;

/// <summary>A lock between processes (and between threads of one): an open file that nobody else may open.</summary>
internal sealed class FileLock : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(10);

    private readonly FileStream _stream;

    private FileLock(FileStream stream) => _stream = stream;

    /// <summary>Waits for the lock.</summary>
    /// <param name="path">The lock file; it is created and never deleted, because deleting it would race with the next owner.</param>
    /// <param name="waiting">Called once if another owner has it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="IOException">The file cannot be opened for another reason than another owner (a read-only disk, say).</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public static FileLock Acquire(string path, Action? waiting, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var told = false;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return new FileLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
            }
            catch (IOException e) when (IsHeldByAnother(e))
            {
                if (!told)
                    waiting?.Invoke();
                told = true;
                cancellation.WaitHandle.WaitOne(RetryInterval);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    // .NET reports a failed lock as a plain IOException with the system's own error number. Waiting on any other error would never end.
    private static bool IsHeldByAnother(IOException e)
    {
        const int sharingViolation = unchecked((int)0x80070020), lockViolation = unchecked((int)0x80070021);
        const int wouldBlockOnLinux = 11, wouldBlockOnBsd = 35;
        return OperatingSystem.IsWindows() ? e.HResult is sharingViolation or lockViolation
            : e.HResult == (OperatingSystem.IsLinux() ? wouldBlockOnLinux : wouldBlockOnBsd);
    }
}
