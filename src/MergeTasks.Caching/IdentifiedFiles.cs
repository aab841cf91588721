using System.Collections.Concurrent;
using MergeTasks.Files;

namespace MergeTasks.Caching;

/// <summary>
/// The files that a result is made from, each with the stamp under which its content is known. Whoever opens one, digests one or notes one
/// says so here; the first fixes the stamp, all others must have met the same, and when everything has been read the files on the disk
/// must still have it. Only then is the result what its inputs' digests say, and may be kept.
/// </summary>
/// <remarks>
/// A stamp has the time of change (ctime), which every write sets and nobody can set back, so an edit of the same length whose time of
/// modification is put back shows too. It does not show where a file system keeps no such time, and not while a program writes through a
/// shared memory map whose pages the system has not written back yet.
/// </remarks>
public sealed class IdentifiedFiles
{
    private readonly ConcurrentDictionary<string, FileStamp?> _stamps = new(StringComparer.Ordinal);

    /// <summary>Says that a file was met, or that there was none.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="stamp">As it was when it was met; <see langword="null"/>: there was no such file.</param>
    /// <exception cref="FileFault">It was met before, and was not the same.</exception>
    public void Add(string path, FileStamp? stamp)
    {
        if (_stamps.GetOrAdd(path, stamp) != stamp)
            throw FileFault.Changed(path);
    }

    /// <summary>Notes a file that is about to be read, or that there is none.</summary>
    /// <inheritdoc cref="Add(string, FileStamp?)"/>
    public void Add(string path)
    {
        var stamp = FileStamp.Of(path);
        stamp?.Settle();
        Add(path, stamp);
    }

    /// <summary>The files, in ordinal order of their paths, that are not what they were when they were met.</summary>
    public IEnumerable<string> Changed() =>
        _stamps.Where(file => FileStamp.Of(file.Key) != file.Value).Select(file => file.Key).Order(StringComparer.Ordinal);

    /// <summary>Call when everything has been read, and before anything that was made of it is kept.</summary>
    /// <exception cref="FileFault">A file is not what it was.</exception>
    public void RequireUnchanged()
    {
        if (Changed().FirstOrDefault() is { } changed)
            throw FileFault.Changed(changed);
    }
}
