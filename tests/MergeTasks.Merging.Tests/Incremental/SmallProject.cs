using MergeTasks.Caching;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Incremental;

/// <summary>
/// Three models of five tensors in a workspace, and merges of them: a simple one, a second one, and one built on the first.
/// </summary>
internal sealed class SmallProject : IDisposable
{
    public static readonly string[] Tensors =
        ["lm_head.weight", "model.embed_tokens.weight", "model.layers.0.mlp.weight", "model.layers.1.mlp.weight", "model.norm.weight"];

    private readonly Dictionary<string, (string Name, RawTensor Tensor)[]> _models = [];

    public SmallProject(string shardSize = "0")
    {
        ShardSize = shardSize;
        foreach (var (model, seed) in new[] { ("base", 1), ("a", 100), ("b", 200) })
        {
            Write(model, [.. Tensors.Select((name, i) => (name, RandomTensors.F32(seed + i, 20, 50)))]);
            File.WriteAllText(Path.Combine(Space.Folder, "models", model, "tokenizer.json"), $"{{\"model\": \"{model}\"}}");
        }

        Declare();
    }

    public MergeWorkspace Space { get; } = new();

    public string ShardSize { get; set; }

    public string Weight { get; set; } = "0.5";

    public void Declare()
    {
        Space.Clear();
        Space.Merge("first", ("Method", "task_arithmetic"), ("Base", "models/base"), ("MaxShardSize", ShardSize));
        Space.Source("models/a", ("Into", "first"), ("Weight", Weight));
        Space.Source("models/b", ("Into", "first"), ("Weight", "0.25"));
        Space.Merge("second", ("Method", "linear"), ("MaxShardSize", ShardSize));
        Space.Source("models/b", ("Into", "second"), ("Weight", "1"));
        Space.Merge("third", ("Method", "slerp"), ("Base", "models/base"), ("T", "0.5"), ("MaxShardSize", ShardSize));
        Space.Source("first", ("Into", "third"));
    }

    public string ModelFile(string model, string file = "model.safetensors") => Path.Combine(Space.Folder, "models", model, file);

    public void ChangeTensors(string model, params int[] which) =>
        Write(
            model,
            [
                .. _models[model].Select((entry, i) =>
                    (entry.Name, which.Contains(i) ? RandomTensors.Changed(entry.Tensor, 7) : entry.Tensor))
            ]);

    /// <summary>Runs all merges and waits until every stamp of inputs and outputs is one that the memo can trust.</summary>
    public void Build()
    {
        Space.RunAll();
        foreach (var file in Directory.EnumerateFiles(Space.Folder, "*", SearchOption.AllDirectories))
            FileStamp.Of(file)!.Value.Settle();
        Space.Plan();
        Space.Digested.Clear();
    }

    /// <summary>The outputs that a build from nothing gives, in folders of their own.</summary>
    public SortedDictionary<string, string> Clean()
    {
        var temporary = Path.Combine(Space.Folder, "set-aside");
        Directory.Move(Path.Combine(Space.Folder, "out"), temporary);
        Space.RunAll();
        var content = FolderContent.Of(Path.Combine(Space.Folder, "out"));
        Directory.Delete(Path.Combine(Space.Folder, "out"), recursive: true);
        Directory.Move(temporary, Path.Combine(Space.Folder, "out"));
        return content;
    }

    public SortedDictionary<string, string> Outputs() => FolderContent.Of(Path.Combine(Space.Folder, "out"));

    public void Dispose() => Space.Dispose();

    private void Write(string model, (string Name, RawTensor Tensor)[] tensors)
    {
        _models[model] = tensors;
        Space.Model(model, tensors);
    }
}
