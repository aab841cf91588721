using System.Text;
using Microsoft.Win32.SafeHandles;

namespace MergeTasks.Files;

/// <summary>
/// The one place that opens files to read them. Whatever the path leads to, opening neither waits nor reads without end: only regular
/// files are opened, and no more is read than they said to hold.
/// </summary>
internal static class InputFile
{
    // More than any text that is read as a whole, and what an array can hold.
    private const long LongestText = 1 << 30;

    private const int ShortestPointer = 40;
    private const int LongestPointer = 1024;

    private static ReadOnlySpan<byte> PointerStart => "version https://git-lfs.github.com/spec/"u8;

    // What the systems take at most.
    private static readonly int LongestPath = OperatingSystem.IsWindows() ? 32_767 : 4_095;

    /// <summary>More than any text has that people write by hand, or a record of lines.</summary>
    public const long LongestWritten = 64 << 20;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Opens a file.</summary>
    /// <exception cref="FileFault">It is none, or may not be read.</exception>
    public static SafeFileHandle Open(string path, FileOptions options = FileOptions.None)
    {
        if (Refusal(path) is { } refusal)
            throw refusal;
        var handle = FileFault.During(path, FileAct.Read, () =>
            File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, options));
        try
        {
            if (FileFault.During(path, FileAct.Read, () => IsPointer(handle)))
                throw new FileFault(FileFaultKind.Malformed, path,
                    "is a pointer of git-lfs and not the file itself: the repository was cloned without its large files. Run 'git "
                        + "lfs pull' in its folder");
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    // What git-lfs leaves in the place of a file that was not fetched (github.com/git-lfs/git-lfs, docs/spec.md).
    private static bool IsPointer(SafeFileHandle handle)
    {
        if (RandomAccess.GetLength(handle) is < ShortestPointer or > LongestPointer)
            return false;
        Span<byte> start = stackalloc byte[PointerStart.Length];
        return RandomAccess.Read(handle, start, 0) == start.Length && start.SequenceEqual(PointerStart);
    }

    /// <summary>Opens a file as a stream.</summary>
    /// <inheritdoc cref="Open"/>
    public static FileStream OpenStream(string path, FileOptions options = FileOptions.SequentialScan) =>
        new(Open(path, options), FileAccess.Read, bufferSize: 0);

    /// <summary>Why a file cannot be opened, where that is known without trying.</summary>
    public static FileFault WhyNot(string path) =>
        Refusal(path) ?? new FileFault(FileFaultKind.Missing, path, "does not exist, or nobody may look at it");

    /// <summary>A file's bytes.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="most">Most bytes that such a file can have.</param>
    /// <exception cref="FileFault">It cannot be read, or is larger.</exception>
    public static byte[] ReadAll(string path, long most = LongestText)
    {
        using var handle = Open(path, FileOptions.SequentialScan);
        return FileFault.During(path, FileAct.Read, () =>
        {
            var length = RandomAccess.GetLength(handle);
            if (length > most)
                throw new FileFault(FileFaultKind.TooLarge, path, $"has {length} bytes; such a file has at most {most}");
            var bytes = new byte[length];
            var total = 0;
            while (total < bytes.Length && RandomAccess.Read(handle, bytes.AsSpan(total), total) is > 0 and var got)
                total += got;
            return total == bytes.Length ? bytes : bytes[..total];
        });
    }

    /// <summary>A file's text: UTF-8, or UTF-16 with a byte order mark.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="most">Most bytes that such a file can have.</param>
    /// <exception cref="FileFault">It cannot be read, is larger, or is no such text.</exception>
    public static string ReadText(string path, long most = LongestText) => ReadText(path, most, reader => reader.ReadToEnd());

    /// <summary>The lines of a text, without what ends them. A NUL character is in none: what has one is another kind of file.</summary>
    /// <inheritdoc cref="ReadText(string, long)"/>
    public static IEnumerable<string> ReadTextLines(string path, long most = LongestText)
    {
        using var reader = new StringReader(ReadText(path, most, reader => WithoutNul(reader, path)));
        while (reader.ReadLine() is { } line)
            yield return line;
    }

    // Before all of it is in memory: such a file may be large, and a single line.
    private static string WithoutNul(StreamReader reader, string path)
    {
        var (text, block) = (new StringBuilder(), new char[1 << 14]);
        while (reader.Read(block) is > 0 and var count)
        {
            if (block.AsSpan(0, count).Contains('\0'))
                throw new FileFault(FileFaultKind.Malformed, path, "is no text: it holds a NUL character");
            text.Append(block, 0, count);
        }

        return text.ToString();
    }

    private static string ReadText(string path, long most, Func<StreamReader, string> read)
    {
        using var stream = OpenStream(path);
        return FileFault.During(path, FileAct.Read, () =>
        {
            if (stream.Length > most)
                throw new FileFault(FileFaultKind.TooLarge, path, $"has {stream.Length} bytes; such a file has at most {most}");
            using var reader = new StreamReader(stream, StrictUtf8, detectEncodingFromByteOrderMarks: true);
            try
            {
                return read(reader);
            }
            catch (DecoderFallbackException e)
            {
                throw new FileFault(FileFaultKind.Malformed, path, "is not UTF-8 text", e);
            }
        });
    }

    /// <summary>Why no file and no folder can have a path, wherever it leads; <see langword="null"/> where one can.</summary>
    public static string? WhyNoPath(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.Contains('\0', StringComparison.Ordinal) ? "it holds a NUL character"
            : Encoding.UTF8.GetByteCount(path) > LongestPath ? $"it is longer than {LongestPath} bytes"
            : null;
    }

    private static FileFault? Refusal(string path)
    {
        if (WhyNoPath(path) is { } why)
            return new FileFault(FileFaultKind.BadName, path, $"cannot be the name of a file: {why}");
        return FileStatus.Of(path).Kind switch
        {
            FileKind.Special => new FileFault(
                FileFaultKind.Special, path, "cannot be read: it is a pipe, a socket or a device, and no file"),
            FileKind.Folder => new FileFault(FileFaultKind.Folder, path, "cannot be read: it is a folder"),
            _ => null,
        };
    }
}
