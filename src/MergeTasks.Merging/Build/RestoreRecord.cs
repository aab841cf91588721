using System.Text.Json;
using MergeTasks.Caching;
using MergeTasks.Sources.Contract;

namespace MergeTasks.Merging.Build;

/// <summary>Where restoring put the models of a project, for the steps after it: what <c>project.assets.json</c> is to packages.</summary>
public static class RestoreRecord
{
    /// <summary>Full path of the record in a folder for generated files.</summary>
    public static string PathIn(string folder) => Path.Combine(folder, "restored.json");

    /// <summary>Writes the record; without models there is none.</summary>
    public static void Write(string folder, IReadOnlyList<RestoredModel> models)
    {
        if (models.Count > 0)
            AtomicFile.WriteIfDifferent(PathIn(folder), JsonSerializer.SerializeToUtf8Bytes(models.OrderBy(model => model.Key, StringComparer.Ordinal)));
        else if (File.Exists(PathIn(folder)))
            File.Delete(PathIn(folder));
    }

    /// <summary>Reads the record; empty where there is none.</summary>
    public static IReadOnlyList<RestoredModel> Read(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize<List<RestoredModel>>(File.ReadAllBytes(PathIn(folder))) ?? [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return [];
        }
    }
}
