using System.Text.Json;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Hub;

/// <summary>A file of a repository at one commit.</summary>
/// <param name="Name">Its name; of a file one folder below, both with '/'.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Blob">Its name in the cache, and its ETag: the SHA-256 of a large file, the Git object name of a small one.</param>
internal sealed record HubFile(string Name, long Size, string Blob)
{
    /// <summary>The SHA-256 of its bytes, where the Hub tells it.</summary>
    public string? Sha256 => SafeName.IsSha256(Blob) ? Blob : null;

    /// <summary>Reads one page of a repository's listing.</summary>
    /// <exception cref="SourceException"><see cref="SourceError.Unsafe"/>, or <see cref="SourceError.Corrupt"/>.</exception>
    public static IEnumerable<HubFile> Read(JsonElement page, string repository)
    {
        if (page.ValueKind != JsonValueKind.Array)
            throw Bad(repository, "it is not a list");
        foreach (var entry in page.EnumerateArray())
        {
            if (Text(entry, "type") != "file")
                continue;
            var name = Text(entry, "path") ?? throw Bad(repository, "a file has no name");
            if (!SafeName.IsPath(name))
                throw new SourceException(
                    SourceError.Unsafe,
                    $"The listing of '{repository}' has a file named '{SafeName.Quote(name)}', which leads out of the repository's "
                        + "folder. Nothing of it was fetched.");
            var large = entry.TryGetProperty("lfs", out var lfs) && lfs.ValueKind == JsonValueKind.Object ? lfs : entry;
            var blob = Text(large, "oid")?.Replace("sha256:", "", StringComparison.Ordinal) ?? "";
            if (!SafeName.IsSha256(blob) && !SafeName.IsCommit(blob))
                throw Bad(repository, $"'{name}' has no hash");
            if (!large.TryGetProperty("size", out var size)
                || size.ValueKind != JsonValueKind.Number
                || !size.TryGetInt64(out var bytes)
                || bytes < 0)
                throw Bad(repository, $"'{name}' has no size");
            yield return new HubFile(name, bytes, blob);
        }
    }

    /// <summary>The folders in one page of a repository's listing whose files may be a model's.</summary>
    public static IEnumerable<string> Folders(JsonElement page) => page.ValueKind != JsonValueKind.Array ? []
        : page.EnumerateArray()
            .Where(entry => Text(entry, "type") == "directory")
            .Select(entry => Text(entry, "path"))
            .OfType<string>()
            .Where(name => SafeName.IsFileName(name) && SideFiles.IsSideFolder(name));

    private static string? Text(JsonElement entry, string name) =>
        entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static SourceException Bad(string repository, string reason) =>
        new(SourceError.Corrupt, $"The server's listing of '{repository}' cannot be understood: {reason}.");
}
