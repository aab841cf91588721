using MergeTasks.Files;

namespace MergeTasks.Caching;

/// <summary>Small files that other processes may read at any moment: written under another name, then renamed.</summary>
internal static class AtomicFile
{
    /// <summary>Replaces the file's content; readers see the old bytes or the new ones. Missing folders are made.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="content">All of it.</param>
    /// <param name="overwrite">Whether there may be such a file; of two that write at once without it, one fails.</param>
    /// <exception cref="FileFault">The folder cannot be written, or there is such a file.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content, bool overwrite = true)
    {
        var temporary = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(temporary, content);
            File.Move(temporary, path, overwrite);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw FileFault.Of(e, path, FileAct.Write);
        }
        finally
        {
            RemoveQuietly(temporary);
        }
    }

    /// <summary>As <see cref="Write"/>, but leaves a file that already has this content untouched.</summary>
    /// <returns>Whether the file was written.</returns>
    public static bool WriteIfDifferent(string path, ReadOnlySpan<byte> content)
    {
        if (FileStatus.Of(path) is { Kind: FileKind.Regular } status
            && status.Size == content.Length
            && content.SequenceEqual(InputFile.ReadAll(path)))
            return false;
        Write(path, content);
        return true;
    }

    // Where it failed because the folder is none, there is nothing to remove either.
    private static void RemoveQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            // What stopped the writing is what is told.
        }
    }
}
