using MergeTasks.Sources.Locking;

namespace MergeTasks.Merging.Outputs;

/// <summary>A model from elsewhere as it was locked when an output was made from it.</summary>
/// <param name="Reference">The reference's name in the lock file.</param>
/// <param name="Resolved">The commit, or the package's version.</param>
/// <param name="Files">File name to SHA-256.</param>
internal sealed record ManifestSource(string Reference, string Resolved, IReadOnlyDictionary<string, string> Files)
{
    /// <summary>NuGet's hash of the package; absent for repositories.</summary>
    public string? ContentHash { get; init; }

    /// <summary>Whether everything is there; a manifest edited by hand may lack it.</summary>
    internal bool IsComplete =>
        Reference is not null && Resolved is not null && Files is not null && Files.Values.All(hash => hash is not null);

    /// <summary>Describes a locked model; <see langword="null"/> for none.</summary>
    public static ManifestSource? Of(string? reference, LockedModel? locked) =>
        reference is null || locked is null ? null
        : new ManifestSource(
            reference, locked.Resolved, locked.Files.ToDictionary(file => file.Key, file => file.Value.Sha256))
        {
            ContentHash = locked.ContentHash
        };
}
