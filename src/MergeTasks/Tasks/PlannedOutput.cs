using MergeTasks.Language.Declarations;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks;

/// <summary>A merge's output as the targets after planning see it.</summary>
/// <param name="Name">The merge.</param>
/// <param name="Folder">Full path of the output folder.</param>
/// <param name="Carried">Where else it goes.</param>
/// <param name="FileNames">Names of its files.</param>
internal sealed record PlannedOutput(string Name, string Folder, CarriedOutput Carried, IReadOnlyList<string> FileNames)
{
    /// <summary>The folder as an item.</summary>
    public ITaskItem ToItem() => ToItem(Name, Folder);

    /// <summary>An output folder as an item.</summary>
    public static ITaskItem ToItem(string name, string folder) =>
        new TaskItem(folder, new Dictionary<string, string> { ["MergedModelName"] = name });

    /// <summary>The files as items that say where publishing and copying put them.</summary>
    public IEnumerable<ITaskItem> ToFileItems()
    {
        foreach (var file in FileNames)
        {
            yield return new TaskItem(Path.Combine(Folder, file), new Dictionary<string, string>
            {
                ["MergedModelName"] = Name,
                ["FileInModel"] = file,
                ["PublishPath"] = Path.Combine("models", Name, file),
                [CarriedOutput.Publish] = Carried.ToPublishDirectory,
                [CarriedOutput.Output] = Carried.ToOutputDirectory,
                [CarriedOutput.Pack] = Carried.IsPacked ? "true" : "false",
            });
        }
    }
}
