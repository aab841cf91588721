using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Interrupted;

/// <summary>
/// One merge whose declaration, layout and donor can change: what an interrupted build leaves may then be mixed with files of another
/// shape.
/// One tensor spans several blocks of the writer.
/// </summary>
internal sealed class InterruptedProject : IDisposable
{
    public InterruptedProject()
    {
        foreach (var (model, seed) in new[] { ("base", 1), ("other-base", 50), ("a", 100) })
        {
            Space.Model(model,
                ("a.weight", RandomTensors.F32(seed, 10, 10)),
                ("b.weight", RandomTensors.F32(seed + 1, 1100, 1000)),
                ("c.weight", RandomTensors.F32(seed + 2, 333)));
            File.WriteAllText(Path.Combine(Space.Folder, "models", model, $"only-in-{model}.json"), model);
        }
    }

    public MergeWorkspace Space { get; } = new();

    public string Output => Space.Output("m");

    /// <summary>Three declarations that differ in weights, base, side files and layout.</summary>
    public void Declare(string variant)
    {
        var (basis, weight, size) = variant switch
        {
            "single" => ("base", "0.5", "0"),
            "sharded" => ("other-base", "0.75", "1KB"),
            _ => ("base", "0.25", "3MB"),
        };
        Space.Clear();
        Space.Merge("m", ("Method", "task_arithmetic"), ("Base", "models/" + basis), ("MaxShardSize", size));
        Space.Source("models/a", ("Weight", weight));
    }

    /// <summary>What a build of a variant from nothing gives.</summary>
    public SortedDictionary<string, string> Clean(string variant)
    {
        Declare(variant);
        Remove();
        Space.Run("m");
        var content = FolderContent.Of(Output);
        Remove();
        return content;
    }

    public void Remove()
    {
        if (Directory.Exists(Output))
            Directory.Delete(Output, recursive: true);
    }

    public void Dispose() => Space.Dispose();
}
