using System.Text;

namespace MergeTasks.Caching;

/// <summary>
/// What the file system says of a number of files and folders without reading any: while two snapshots of the same paths are equal,
/// nothing has changed, and whatever was concluded from their content still holds.
/// </summary>
/// <param name="Digest">Over the paths, the names in the folders, and all stamps.</param>
/// <param name="IsSettled">
/// Whether everything was last changed before <c>since</c>. If not, what was concluded from content read since then may not be about this
/// snapshot, or a later snapshot may be equal although a file was written in between.
/// </param>
internal sealed record StampSnapshot(ContentDigest Digest, bool IsSettled)
{
    /// <summary>Takes a snapshot.</summary>
    /// <param name="paths">Full paths of files, of folders (their files count, and the names of their folders), or of what is not
    /// there.</param>
    /// <param name="since">The time (<see cref="FileStamp.Now"/>) at which somebody began to read the content.</param>
    /// <exception cref="IOException">The file system did not answer.</exception>
    /// <exception cref="UnauthorizedAccessException">A folder cannot be listed.</exception>
    public static StampSnapshot Take(IReadOnlyList<string> paths, long since)
    {
        var isSettled = true;
        var text = new StringBuilder();
        foreach (var path in paths)
        {
            if (!Directory.Exists(path))
            {
                Append(path);
                continue;
            }

            // Names that came or went while the folder was read show in its own time only.
            isSettled &= FileStamp.OfFolder(path).IsSettled(since);
            Name(path).Append(" folder\n");
            var entries = Directory.GetFileSystemEntries(path);
            Array.Sort(entries, StringComparer.Ordinal);
            foreach (var entry in entries)
                Append(entry);
        }

        return new StampSnapshot(ContentDigest.Of(text.ToString()), isSettled);

        void Append(string path)
        {
            Name(path);
            if (FileStamp.Of(path) is { } stamp)
            {
                isSettled &= stamp.IsSettled(since);
                text.Append(' ')
                    .Append(stamp.Size)
                    .Append(' ')
                    .Append(stamp.Modified)
                    .Append(' ')
                    .Append(stamp.Changed)
                    .Append(' ')
                    .Append(stamp.Inode);
            }

            text.Append('\n');
        }

        // The length keeps a name with line breaks from looking like two.
        StringBuilder Name(string path) => text.Append(path.Length).Append(' ').Append(path);
    }
}
