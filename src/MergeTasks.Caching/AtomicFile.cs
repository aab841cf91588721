namespace MergeTasks.Caching;

/// <summary>Small files that other processes may read at any moment: written under another name, then renamed.</summary>
public static class AtomicFile
{
    /// <summary>Replaces the file's content; readers see the old bytes or the new ones. Missing folders are made.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllBytes(temporary, content);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>As <see cref="Write"/>, but leaves a file that already has this content untouched.</summary>
    /// <returns>Whether the file was written.</returns>
    public static bool WriteIfDifferent(string path, ReadOnlySpan<byte> content)
    {
        if (File.Exists(path) && content.SequenceEqual(File.ReadAllBytes(path)))
            return false;
        Write(path, content);
        return true;
    }
}
