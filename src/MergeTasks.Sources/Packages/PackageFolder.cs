using System.Text.Json;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Packages;

/// <summary>A package that NuGet has extracted into its folder of packages.</summary>
/// <param name="packages">NuGet's folder of packages.</param>
/// <param name="id">The package.</param>
/// <param name="version">Its version in NuGet's normal form.</param>
internal sealed class PackageFolder(string packages, string id, string version)
{
    private const string Metadata = ".nupkg.metadata";
    private const string SingleModel = "content/model";
    private const string SeveralModels = "content/models";

#pragma warning disable CA1308 // NuGet names these folders in lower case.
    /// <summary>Full path.</summary>
    public string Folder => Path.Combine(packages, id.ToLowerInvariant(), version.ToLowerInvariant());
#pragma warning restore CA1308

    /// <summary>Whether it is there completely: NuGet writes this file last.</summary>
    public bool Exists => File.Exists(Path.Combine(Folder, Metadata));

    /// <summary>NuGet's hash of the package (SHA-512, base64); <see langword="null"/> where it did not note it.</summary>
    public string? ContentHash()
    {
        try
        {
            using var json = StrictJson.Read(Path.Combine(Folder, Metadata));
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("contentHash", out var hash)
                && hash.ValueKind == JsonValueKind.String ? hash.GetString() : null;
        }
        catch (FileFault)
        {
            return null;
        }
    }

    /// <summary>
    /// The folder with the model: <c>content/model</c>, the one below <c>content/models</c> that is asked for, or the package itself.
    /// </summary>
    /// <param name="model">Which of several; <see langword="null"/> for the only one.</param>
    /// <exception cref="SourceException">There is none, or there are several.</exception>
    public string ModelFolder(string? model)
    {
        var several = Path.Combine(Folder, SeveralModels);
        var names = Directory.Exists(several)
            ? Directory.GetDirectories(several).Select(path => Path.GetFileName(path)!).Order(StringComparer.OrdinalIgnoreCase).ToList()
            : [];
        if (model is not null)
        {
            return names.Find(name => name.Equals(model, StringComparison.OrdinalIgnoreCase)) is { } found ? Path.Combine(several, found)
                : throw new SourceException(
                    SourceError.NotFound,
                    $"The package '{id}' {version} has no model "
                        + $"'{model}'{(names.Count == 0 ? "" : $"; it has {string.Join(", ", names)}")}.");
        }

        var single = Path.Combine(Folder, SingleModel);
        if (Directory.Exists(single))
            return single;
        return names.Count switch
        {
            0 => Folder,
            1 => Path.Combine(several, names[0]),
            _ =>
                throw new SourceException(
                    SourceError.BadReference,
                    $"The package '{id}' {version} has several models; choose "
                        + $"one: {string.Join(", ", names.Select(name => $"nuget:{id}/{version}/{name}"))}."),
        };
    }

    /// <summary>The files of a model that a merge needs.</summary>
    /// <exception cref="SourceException">It has no weights.</exception>
    public static IReadOnlyList<string> Files(string modelFolder, string what)
    {
        var below = Directory.EnumerateDirectories(modelFolder).Select(folder => Path.GetFileName(folder)!).Where(SideFiles.IsSideFolder)
            .SelectMany(folder => InputFolder.FileNames(Path.Combine(modelFolder, folder)).Select(file => $"{folder}/{file}"));
        var names = InputFolder.FileNames(modelFolder).Concat(below).Where(SafeName.IsPath).ToHashSet(StringComparer.Ordinal);
        try
        {
            return ModelFiles.Select(
                names, () => [.. ShardIndex.Read(Path.Combine(modelFolder, ShardIndex.FileName)).Values.Distinct()], what);
        }
        catch (CheckpointException e)
        {
            throw new SourceException(SourceError.Unsafe, e.Message, e);
        }
    }
}
