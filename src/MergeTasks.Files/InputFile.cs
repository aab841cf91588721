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

    /// <summary>More than any text has that people write by hand, or a record of lines.</summary>
    public const long LongestWritten = 64 << 20;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Opens a file.</summary>
    /// <exception cref="FileFault">It is none, or may not be read.</exception>
    public static SafeFileHandle Open(string path, FileOptions options = FileOptions.None)
    {
        if (Refusal(path) is { } refusal)
            throw refusal;
        return FileFault.During(path, FileAct.Read, () =>
            File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, options));
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
    public static string ReadText(string path, long most = LongestText)
    {
        using var stream = OpenStream(path);
        return FileFault.During(path, FileAct.Read, () =>
        {
            if (stream.Length > most)
                throw new FileFault(FileFaultKind.TooLarge, path, $"has {stream.Length} bytes; such a file has at most {most}");
            using var reader = new StreamReader(stream, StrictUtf8, detectEncodingFromByteOrderMarks: true);
            try
            {
                return reader.ReadToEnd();
            }
            catch (DecoderFallbackException e)
            {
                throw new FileFault(FileFaultKind.Malformed, path, "is not UTF-8 text", e);
            }
        });
    }

    /// <summary>A text's lines, without what ends them.</summary>
    /// <inheritdoc cref="ReadText"/>
    public static IEnumerable<string> ReadTextLines(string path, long most = LongestText)
    {
        using var reader = new StringReader(ReadText(path, most));
        while (reader.ReadLine() is { } line)
            yield return line;
    }

    private static FileFault? Refusal(string path)
    {
        if (path.Contains('\0', StringComparison.Ordinal))
            return new FileFault(FileFaultKind.BadName, path, "cannot be the name of a file: it holds a NUL character");
        return FileStatus.Of(path).Kind switch
        {
            FileKind.Special => new FileFault(
                FileFaultKind.Special, path, "cannot be read: it is a pipe, a socket or a device, and no file"),
            FileKind.Folder => new FileFault(FileFaultKind.Folder, path, "cannot be read: it is a folder"),
            _ => null,
        };
    }
}
