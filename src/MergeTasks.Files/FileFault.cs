using System.Security;

namespace MergeTasks.Files;

/// <summary>What is wrong with a file or folder.</summary>
internal enum FileFaultKind
{
    /// <summary>There is none of that name.</summary>
    Missing,

    /// <summary>The user may not do it, or the file system is read-only.</summary>
    Denied,

    /// <summary>It is a folder where a file is needed.</summary>
    Folder,

    /// <summary>It is neither a file nor a folder: a pipe, a socket, a device.</summary>
    Special,

    /// <summary>Another program has it.</summary>
    InUse,

    /// <summary>The disk, or the user's share of it, is full.</summary>
    DiskFull,

    /// <summary>The name cannot be one: it is too long, holds a NUL, or its links lead in a circle.</summary>
    BadName,

    /// <summary>It is larger than any such file.</summary>
    TooLarge,

    /// <summary>Its content is not what it should be.</summary>
    Malformed,

    /// <summary>It is not the file any more that it was.</summary>
    Changed,

    /// <summary>Anything else that the system reports.</summary>
    Failed,
}

/// <summary>What was tried.</summary>
internal enum FileAct
{
    /// <summary>Reading a file.</summary>
    Read,

    /// <summary>Making or writing a file or folder.</summary>
    Write,

    /// <summary>Listing a folder.</summary>
    List,

    /// <summary>Deleting a file or folder.</summary>
    Delete,
}

/// <summary>
/// A file or folder that cannot be used, with a sentence for its owner: which, what was tried, and why it failed. The one place where
/// what the system reports becomes words.
/// </summary>
internal sealed class FileFault : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="kind">What is wrong.</param>
    /// <param name="path">The file or folder.</param>
    /// <param name="reason">What is wrong in words, beginning with a verb and without the last full stop.</param>
    /// <param name="inner">The cause.</param>
    public FileFault(FileFaultKind kind, string path, string reason, Exception? inner = null)
        : base($"'{MessageText.Shown(path)}' {reason}.", inner) => (Kind, Path, Reason) = (kind, path, reason);

    /// <summary>What is wrong.</summary>
    public FileFaultKind Kind { get; }

    /// <summary>The file or folder.</summary>
    public string Path { get; }

    /// <summary>What is wrong in words, without the file's name.</summary>
    public string Reason { get; }

    /// <summary>Where in the file, from 1; 0 where that does not matter.</summary>
    public int Line { get; init; }

    /// <summary>Where in the line, in UTF-16 units from 1; 0 where that does not matter.</summary>
    public int Column { get; init; }

    /// <summary>Whether an exception is one with which the system refuses work on files.</summary>
    public static bool Covers(Exception exception) => exception is IOException or UnauthorizedAccessException or SecurityException;

    /// <summary>What an exception says that <see cref="Covers"/>, where it is not known here which file it is about.</summary>
    public static string Describe(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return exception is FileFault ? exception.Message : MessageText.Shown(exception.Message);
    }

    /// <summary>A file was written, replaced or removed while somebody read it.</summary>
    public static FileFault Changed(string path) =>
        new(
            FileFaultKind.Changed,
            path,
            "changed while it was read, so what was made from it is not kept; build again once it stays as it is");

    /// <summary>Does work on a file or folder; what the system reports becomes a fault.</summary>
    /// <exception cref="FileFault">It failed.</exception>
    public static T During<T>(string path, FileAct act, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        try
        {
            return work();
        }
        catch (Exception e) when (Covers(e))
        {
            throw Of(e, path, act);
        }
    }

    /// <inheritdoc cref="During{T}"/>
    public static void During(string path, FileAct act, Action work) => During(path, act, () =>
    {
        work();
        return true;
    });

    /// <summary>The fault that an exception means; a fault stays what it is.</summary>
    /// <param name="exception">One that <see cref="Covers"/>.</param>
    /// <param name="path">What was worked on.</param>
    /// <param name="act">What was tried.</param>
    public static FileFault Of(Exception exception, string path, FileAct act)
    {
        ArgumentNullException.ThrowIfNull(exception);
        if (exception is FileFault fault)
            return fault;
        var (kind, why) = Explain(exception, path, act);
        return new FileFault(kind, path, $"cannot be {Verb(act)}: {why}", exception);
    }

    private static (FileFaultKind Kind, string Why) Explain(Exception exception, string path, FileAct act)
    {
        switch (exception)
        {
            case FileNotFoundException:
                return (FileFaultKind.Missing, "it does not exist");
            case DirectoryNotFoundException:
                return (FileFaultKind.Missing, act == FileAct.List ? "it does not exist" : "its folder does not exist");
            case PathTooLongException:
                return (FileFaultKind.BadName, "its name is too long");
            case UnauthorizedAccessException when act is FileAct.Read or FileAct.Write && Directory.Exists(path):
                return (FileFaultKind.Folder, "it is a folder, or permission is denied");
            case UnauthorizedAccessException or SecurityException:
                return (FileFaultKind.Denied, "permission is denied");
            default:
                return SystemErrors.Explain(exception);
        }
    }

    private static string Verb(FileAct act) => act switch
    {
        FileAct.Read => "read",
        FileAct.Write => "written",
        FileAct.List => "listed",
        _ => "deleted",
    };
}
