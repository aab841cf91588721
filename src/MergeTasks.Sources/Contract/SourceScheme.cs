using MergeTasks.Caching;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Contract;

/// <summary>
/// One kind of place that models come from: how they are named there, what the lock file says of them, and how they are had.
/// </summary>
internal abstract class SourceScheme
{
    /// <summary>How its references begin, with the colon.</summary>
    public abstract string Prefix { get; }

    /// <summary>What its references look like, for messages.</summary>
    public abstract string Form { get; }

    /// <summary>Its name in the lock file.</summary>
    public abstract string LockType { get; }

    /// <summary>Reads a reference.</summary>
    /// <param name="text">What stands after the prefix.</param>
    /// <param name="written">All of it, for messages.</param>
    /// <exception cref="SourceException"><see cref="SourceError.BadReference"/>.</exception>
    internal abstract ModelReference Parse(string text, string written);

    /// <summary>Reads a reference that has no prefix; <see langword="null"/> where it has not the form of one of this scheme's.</summary>
    internal virtual ModelReference? ParseBare(string text) => null;

    /// <summary>Whether a text can be what a reference was resolved to, and nothing that leads elsewhere.</summary>
    internal abstract bool IsResolved(string text);

    /// <summary>Begins to restore models from there.</summary>
    internal abstract IModelSource Open(SourceContext context);

    /// <summary>A reference that means what one was resolved to, and never anything else.</summary>
    public abstract string Pinned(ModelReference reference, string resolved);

    /// <summary>The package URL (github.com/package-url) of what a reference was resolved to.</summary>
    public abstract string PackageUrl(ModelReference reference, string resolved);

    /// <summary>Name of the digest (in-toto's) that the resolved version is; <see langword="null"/> where it is none.</summary>
    public virtual string? ResolvedDigest => null;

    /// <summary>The repository of the Hub that a reference names; <see langword="null"/> for other places.</summary>
    public virtual string? HubRepository(ModelReference reference) => null;
}

/// <summary>What restoring may use.</summary>
/// <param name="Options">How it is done.</param>
/// <param name="Hashes">Hashes files.</param>
/// <param name="Progress">Hears of progress.</param>
internal sealed record SourceContext(RestoreOptions Options, FileSha256 Hashes, RestoreProgress Progress);
