namespace MergeTasks.Sources.References;

/// <summary>What is wrong with a model that comes from elsewhere; callers map each value to a diagnostic code.</summary>
internal enum SourceError
{
    /// <summary>The reference is not written as any kind of reference is.</summary>
    BadReference,

    /// <summary>No such repository, revision, package, version or file.</summary>
    NotFound,

    /// <summary>
    /// Access is refused: a token or password is missing or not enough, or a gated repository's conditions are not accepted.
    /// </summary>
    Unauthorized,

    /// <summary>The server takes no more requests for now.</summary>
    RateLimited,

    /// <summary>The server cannot be reached, or goes on failing.</summary>
    Unavailable,

    /// <summary>What came is not what was announced: another length or another hash.</summary>
    Corrupt,

    /// <summary>The lock file does not fit the references, and may not be changed.</summary>
    LockDiffers,

    /// <summary>A file is not the one that the lock file names.</summary>
    LockedFileChanged,

    /// <summary>The network would be needed and may not be used.</summary>
    Offline,

    /// <summary>The lock file cannot be read.</summary>
    BadLockFile,

    /// <summary>Names that lead out of their folder, answers without bounds, redirections to less than was asked for.</summary>
    Unsafe,

    /// <summary>The repository or package has no weights that are read.</summary>
    NoWeights,

    /// <summary>The weights are pickled.</summary>
    RefusedFormat,

    /// <summary>The disk has too little space.</summary>
    DiskSpace,

    /// <summary>A cache folder or the lock file cannot be written.</summary>
    Unwritable,

    /// <summary>The NuGet client refuses the package: its signature, its form or the feeds' configuration.</summary>
    PackageRefused,
}

/// <summary>A model that cannot be had, with a message for whoever asked for it. No message holds a token or a signed address.</summary>
/// <param name="error">What kind of fault.</param>
/// <param name="message">What is wrong and what would help.</param>
/// <param name="inner">The cause, if another exception reported it.</param>
internal sealed class SourceException(SourceError error, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What kind of fault.</summary>
    public SourceError Error => error;

    /// <summary>The file at fault, where it is one that the user keeps (the lock file).</summary>
    public string? File { get; init; }

    /// <summary>Line in <see cref="File"/>, from 1; 0 where unknown.</summary>
    public int Line { get; init; }

    /// <summary>Whether another attempt may succeed.</summary>
    internal bool IsTransient { get; init; }

    /// <summary>How long the server asks to wait before another attempt.</summary>
    internal TimeSpan? RetryAfter { get; init; }
}

/// <summary>A fault, and the reference that it is about.</summary>
/// <param name="Key">The reference's <see cref="ModelReference.Key"/>; <see langword="null"/> where it is about the lock file as a
/// whole.</param>
/// <param name="Exception">The fault.</param>
internal sealed record SourceFault(string? Key, SourceException Exception);

/// <summary>Restoring that did not come to its end, with every fault that was found.</summary>
/// <param name="faults">At least one.</param>
internal sealed class RestoreException(IReadOnlyList<SourceFault> faults)
    : Exception(string.Join(Environment.NewLine, faults.Select(fault => fault.Exception.Message)), faults[0].Exception)
{
    /// <summary>The faults, in the order of the references.</summary>
    public IReadOnlyList<SourceFault> Faults => faults;
}
