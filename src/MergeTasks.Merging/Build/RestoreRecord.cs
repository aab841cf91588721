using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Sources;
using MergeTasks.Sources.Contract;

namespace MergeTasks.Merging.Build;

/// <summary>Where restoring put the models of a project, for the steps after it: what <c>project.assets.json</c> is to packages.</summary>
internal static class RestoreRecord
{
    private const int CurrentFormat = 1;

    /// <summary>Full path of the record in a folder for generated files.</summary>
    public static string PathIn(string folder) => Path.Combine(folder, "restored.json");

    /// <summary>Writes the record; without models there is none.</summary>
    public static void Write(string folder, IReadOnlyList<RestoredModel> models)
    {
        if (models.Count > 0)
            AtomicFile.WriteIfDifferent(
                PathIn(folder),
                RecordFile.ToBytes(new Content(CurrentFormat, [.. models.OrderBy(model => model.Key, StringComparer.Ordinal)])));
        else if (File.Exists(PathIn(folder)))
            FileFault.During(PathIn(folder), FileAct.Delete, () => File.Delete(PathIn(folder)));
    }

    /// <summary>
    /// Reads the record; empty where there is none, or none that this version's restoring wrote, which every build does first.
    /// </summary>
    public static IReadOnlyList<RestoredModel> Read(string folder)
    {
        try
        {
            var (format, models) = RecordFile.Read<Content>(PathIn(folder));
            var isSound = format == CurrentFormat
                && models.TrueForAll(SourceSchemes.IsSound)
                && models.DistinctBy(model => model.Key).Count() == models.Count;
            return isSound ? models : [];
        }
        catch (FileFault)
        {
            return [];
        }
    }

    private sealed record Content(int Format, List<RestoredModel> Models);
}
