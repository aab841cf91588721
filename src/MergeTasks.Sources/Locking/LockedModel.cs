using System.Security.Cryptography;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Locking;

/// <summary>A file that a model was made of when it was locked.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="Sha256">SHA-256 of its bytes, as 64 hexadecimal digits.</param>
internal sealed record LockedFile(long Size, string Sha256);

/// <summary>What a reference means once it has been resolved, and for everybody who builds with the same lock file.</summary>
/// <param name="Type">Name of the scheme that it comes from.</param>
/// <param name="Resolved">The version that the reference means: a commit, a package's version.</param>
/// <param name="Files">File name to size and hash, in ordinal order.</param>
internal sealed record LockedModel(string Type, string Resolved, IReadOnlyDictionary<string, LockedFile> Files)
{
    /// <summary>NuGet's own hash of the package (SHA-512, base64); absent for repositories.</summary>
    public string? ContentHash { get; init; }

    /// <summary>
    /// File name to size and hash, in ordinal order, wherever they come from: what is written of them is the same in every culture.
    /// </summary>
    public IReadOnlyDictionary<string, LockedFile> Files { get; } = Files is null
        ? null!
        : new SortedDictionary<string, LockedFile>(Files.ToDictionary(), StringComparer.Ordinal);

    // A lock file edited by hand may hold anything, also names that lead elsewhere.
    internal bool HasSoundFiles =>
        Type is not null && Resolved is not null && Files is { Count: > 0 }
        && (ContentHash is null || IsSha512(ContentHash))
        && Files.All(file =>
            SafeName.IsPath(file.Key) && file.Value is { Size: >= 0, Sha256: not null } && SafeName.IsSha256(file.Value.Sha256));

    private static bool IsSha512(string base64) =>
        Convert.TryFromBase64String(base64, new byte[SHA512.HashSizeInBytes + 3], out var length) && length == SHA512.HashSizeInBytes;
}
