using System.Text.Json;
using System.Text.Json.Serialization;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Locking;

/// <summary>
/// <c>models.lock.json</c> beside the project: what each reference was resolved to, and the SHA-256 of each file. Meant to be committed, so
/// that everybody builds from the same bytes. It holds no address and no path.
/// </summary>
internal static class LockFile
{
    /// <summary>The file's name.</summary>
    public const string FileName = "models.lock.json";

    private const int CurrentVersion = 1;

    private static readonly JsonSerializerOptions Options = new(ReadableJson.Options)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Reads a lock file; empty where there is none.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="isSound">Whether an entry is one that restoring writes.</param>
    /// <exception cref="SourceException"><see cref="SourceError.BadLockFile"/>.</exception>
    internal static IReadOnlyDictionary<string, LockedModel> Read(string path, Func<LockedModel?, bool> isSound)
    {
        try
        {
            if (!File.Exists(path))
                return new Dictionary<string, LockedModel>();
            var content = StrictJson.Read<Content>(path, Options);
            if (content.Version != CurrentVersion)
                throw Bad(path, $"its version is not {CurrentVersion}", 0);
            foreach (var (key, model) in content.Models ?? throw Bad(path, "it has no 'models'", 0))
            {
                if (!isSound(model))
                    throw Bad(path, $"its entry '{SafeName.Quote(key)}' is not one that restoring writes", 0);
            }

            return new Dictionary<string, LockedModel>(content.Models, StringComparer.Ordinal);
        }
        catch (FileFault e)
        {
            throw Bad(path, $"it {e.Reason}", e.Line);
        }
    }

    /// <summary>Writes a lock file, unless it has this content already.</summary>
    /// <exception cref="SourceException"><see cref="SourceError.Unwritable"/>.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, LockedModel> models)
    {
        try
        {
            AtomicFile.WriteIfDifferent(path, ToBytes(models));
        }
        catch (FileFault e)
        {
            throw new SourceException(SourceError.Unwritable, $"The lock file {e.Message}", e);
        }
    }

    /// <summary>The file's bytes; the same for the same models, in whatever order they come.</summary>
    public static byte[] ToBytes(IReadOnlyDictionary<string, LockedModel> models) =>
        [
            .. JsonSerializer.SerializeToUtf8Bytes(
                new Content(CurrentVersion, new(models.ToDictionary(), StringComparer.Ordinal)), Options), (byte)'\n'
        ];

    private static SourceException Bad(string path, string reason, int line) =>
        new(
            SourceError.BadLockFile,
            $"'{path}' is not a lock file that can be used: {reason}. Mend it, or delete it and build to resolve all models anew.")
        {
            File = path,
            Line = line,
        };

    private sealed record Content(int Version, SortedDictionary<string, LockedModel> Models);
}
