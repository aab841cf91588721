using System.Globalization;
using System.Text;
using MergeTasks.Files;

namespace MergeTasks.Caching;

/// <summary>
/// Remembers the digests of files by path, kind and stamp, so that only files that are new or changed are read.
/// One small text file per remembered file, replaced whole, so any number of builds can share the folder.
/// An entry that is damaged counts as absent; a folder that cannot be written only costs hashing again.
/// </summary>
internal sealed class DigestMemo
{
    internal const string Subfolder = "digests";

    private const string Format = "mergetasks digests 1";

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // A digest and a space, a letter, and the end of the line.
    private const int ShortestLine = 67;

    private readonly string _folder;
    private int _warned;

    /// <summary>Uses (and creates when needed) the folder <c>digests</c> below the cache folder.</summary>
    public DigestMemo(string cacheFolder) => _folder = Path.Combine(cacheFolder, Subfolder);

    /// <summary>Called once if the memo cannot be written, with the reason.</summary>
    public Action<string>? Unwritable { get; init; }

    /// <summary>Number of remembered files below a cache folder.</summary>
    public static int Count(string cacheFolder)
    {
        var folder = new DirectoryInfo(Path.Combine(cacheFolder, Subfolder));
        return folder.Exists ? folder.EnumerateFiles("*", SearchOption.AllDirectories).Count(file => file.Extension != ".lock") : 0;
    }

    /// <summary>The digests of a file as it is now, if they are known; <see langword="null"/> if it must be read.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="kind">Which digests.</param>
    /// <param name="stamp">The file's stamp, just taken.</param>
    public FileDigests? Find(string path, DigestKind kind, FileStamp stamp) =>
        Read(path, kind) is { } digests && digests.Describes(stamp) ? digests : null;

    /// <summary>Remembers digests.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="kind">Which digests.</param>
    /// <param name="digests">What was read.</param>
    public void Remember(string path, DigestKind kind, FileDigests digests)
    {
        // An entry is lines of text; a name that breaks a line cannot be remembered, and its file is hashed again.
        if (path.Contains('\n', StringComparison.Ordinal) || digests.Parts.Keys.Any(name => name.Contains('\n', StringComparison.Ordinal)))
            return;
        try
        {
            AtomicFile.Write(EntryPath(path, kind), ToBytes(path, kind, digests));
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            Warn(e);
        }
    }

    /// <summary>The lock that keeps two builds from reading the same large file at once.</summary>
    /// <param name="path">Full path of the file to be read.</param>
    /// <param name="kind">Which digests.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns><see langword="null"/> where the folder cannot be written.</returns>
    public FileLock? LockFor(string path, DigestKind kind, CancellationToken cancellation)
    {
        try
        {
            return FileLock.Acquire(EntryPath(path, kind) + ".lock", null, cancellation);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            Warn(e);
            return null;
        }
    }

    private void Warn(Exception e)
    {
        if (Interlocked.Exchange(ref _warned, 1) == 0)
            Unwritable?.Invoke(FileFault.Of(e, _folder, FileAct.Write).Message);
    }

    private string EntryPath(string path, DigestKind kind)
    {
        var hex = ContentDigest.Of($"{kind} {path}").ToString();
        return Path.Combine(_folder, hex[..2], hex + ".txt");
    }

    // Checkpoints may have tens of thousands of parts, so an entry is never one text in memory, only its bytes.
    private static ReadOnlySpan<byte> ToBytes(string path, DigestKind kind, FileDigests digests)
    {
        using var bytes = new MemoryStream();
        var (size, modified, changed, inode) = digests.Stamp;
        Append($"{Format}\n{kind} {path}\n{size} {modified} {changed} {inode} {digests.Observed}\n");
        foreach (var (name, digest) in digests.Parts)
            Append($"{digest} {name}\n");
        Append($"{ContentDigest.Of(bytes.GetBuffer().AsSpan(0, (int)bytes.Length))} end\n");
        return bytes.GetBuffer().AsSpan(0, (int)bytes.Length);

        void Append(FormattableString text) => bytes.Write(Encoding.UTF8.GetBytes(text.ToString(CultureInfo.InvariantCulture)));
    }

    private FileDigests? Read(string path, DigestKind kind)
    {
        try
        {
            var bytes = InputFile.ReadAll(EntryPath(path, kind), InputFile.LongestWritten);
            var end = bytes.AsSpan(0, bytes.Length - 1).LastIndexOf((byte)'\n') + 1;
            if (StrictUtf8.GetString(bytes.AsSpan(end)) != $"{ContentDigest.Of(bytes.AsSpan(0, end))} end\n")
                return null;
            var lines = bytes.AsSpan(0, end).Split((byte)'\n');
            string[] head = ["", "", ""];
            var parts = new Dictionary<string, ContentDigest>(bytes.Length / ShortestLine, StringComparer.Ordinal);
            var number = 0;
            foreach (var range in lines)
            {
                var line = bytes.AsSpan(range);
                if (line.IsEmpty)
                    continue;
                if (number < head.Length)
                    head[number] = StrictUtf8.GetString(line);
                else
                    parts.Add(StrictUtf8.GetString(line[65..]), ContentDigest.Parse(Encoding.ASCII.GetString(line[..64])));
                number++;
            }

            if (head[0] != Format || head[1] != $"{kind} {path}")
                return null;
            var numbers = head[2].Split(' ');
            var stamp = new FileStamp(
                Number(numbers[0]), Number(numbers[1]), Number(numbers[2]), ulong.Parse(numbers[3], CultureInfo.InvariantCulture));
            return new FileDigests(stamp, Number(numbers[4]), parts);
        }
        catch (Exception e)
            when (FileFault.Covers(e) || e is FormatException or ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            return null;
        }
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
