using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks;

/// <summary>A merge's output as the targets after planning see it.</summary>
/// <param name="Name">The merge.</param>
/// <param name="Folder">Full path of the output folder.</param>
/// <param name="IsPublished">Whether publishing carries it.</param>
/// <param name="IsPacked">Whether packing carries it.</param>
/// <param name="FileNames">Names of its files.</param>
internal sealed record PlannedOutput(string Name, string Folder, bool IsPublished, bool IsPacked, IReadOnlyList<string> FileNames)
{
    /// <summary>The folder as an item.</summary>
    public ITaskItem ToItem() => new TaskItem(Folder, new Dictionary<string, string> { ["MergedModelName"] = Name });

    /// <summary>The files as items that say where publishing and packing put them.</summary>
    /// <param name="isOnlyPacked">Whether no other model is packed: its place in the package is then the one that a bare reference
    /// means.</param>
    public IEnumerable<ITaskItem> ToFileItems(bool isOnlyPacked)
    {
        foreach (var file in FileNames)
        {
            yield return new TaskItem(Path.Combine(Folder, file), new Dictionary<string, string>
            {
                ["MergedModelName"] = Name,
                ["PublishPath"] = Path.Combine("models", Name, file),
                ["PackagePath"] = isOnlyPacked ? $"content/model/{file}" : $"content/models/{Name}/{file}",
                ["CopyToPublishDirectory"] = IsPublished ? "true" : "false",
                ["Pack"] = IsPacked ? "true" : "false",
            });
        }
    }
}
