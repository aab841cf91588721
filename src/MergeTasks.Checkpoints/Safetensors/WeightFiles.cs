using System.Text.RegularExpressions;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Files;

namespace MergeTasks.Checkpoints.Safetensors;

/// <summary>Which files of a model folder hold its weights.</summary>
internal static partial class WeightFiles
{
    /// <summary>The file name of a checkpoint that is not sharded.</summary>
    public const string SingleFileName = "model.safetensors";

    /// <summary>The file name of a checkpoint of PyTorch's that is not sharded.</summary>
    public const string PickledFileName = "pytorch_model.bin";

    /// <summary>The index's file name of one that is.</summary>
    public const string PickledIndexName = "pytorch_model.bin.index.json";

    private static readonly string[] PickleExtensions = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

    /// <summary>
    /// Finds the weight files of a model folder: <c>model.safetensors</c>, else the shards that <c>model.safetensors.index.json</c> names,
    /// else <c>pytorch_model.bin</c> or the shards that its index names; a file that holds weights is one by itself.
    /// </summary>
    /// <returns>Full paths, ordered by name, and the index's weight map (<see langword="null"/> for a single file).</returns>
    /// <exception cref="CheckpointException">No such folder, no weights, weights only in a refused format, or a bad index.</exception>
    /// <exception cref="FileFault">The folder cannot be listed.</exception>
    public static (IReadOnlyList<string> Files, IReadOnlyDictionary<string, string>? Map) Find(string folder)
    {
        // Weights of something that has no configuration, such as a diffusion model's parts.
        if (IsWeights(folder) && File.Exists(folder))
            return ([folder], null);
        if (!Directory.Exists(folder))
        {
            var what = File.Exists(folder) ? "is a file, not a model folder; name the folder that holds it" : "does not exist";
            throw new CheckpointException(CheckpointError.FolderNotFound, folder, $"The model folder '{folder}' {what}.");
        }

        var single = Path.Combine(folder, SingleFileName);
        if (File.Exists(single))
            return ([single], null);

        var index = Path.Combine(folder, ShardIndex.FileName);
        if (!File.Exists(index))
        {
            var pickled = Path.Combine(folder, PickledFileName);
            if (File.Exists(pickled))
                return ([pickled], null);
            index = Path.Combine(folder, PickledIndexName);
            if (!File.Exists(index))
                throw NoWeights(folder);
        }

        var map = ShardIndex.Read(index);
        var files = map.Values.Distinct().Order(StringComparer.Ordinal).Select(file => Path.Combine(folder, file)).ToList();
        if (files.Count == 0)
            throw new CheckpointException(CheckpointError.BadIndex, index, $"'{index}' is not a valid shard index: it names no tensor.");
        foreach (var file in files)
        {
            if (!File.Exists(file))
                throw new CheckpointException(
                    CheckpointError.BadIndex, index, $"'{index}' names the shard '{Path.GetFileName(file)}', which is not in its folder.");
        }

        return (files, map);
    }

    /// <summary>Whether a file may hold weights, by its name.</summary>
    public static bool IsWeights(string path) => path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || IsPickled(path);

    /// <summary>Whether a file is read as one of PyTorch's, by its name.</summary>
    public static bool IsPickled(string path) =>
        PickleExtensions.Contains(Path.GetExtension(path).ToLowerInvariant());

    /// <summary>
    /// The names, in ordinal order, of the files in a folder that a loader may take for its weights: <c>model.safetensors</c>, shards
    /// numbered <c>model-00001-of-00002.safetensors</c>, and their index. Empty where there is no folder.
    /// </summary>
    /// <exception cref="FileFault">The folder cannot be listed.</exception>
    public static IReadOnlyList<string> List(string folder) =>
        !Directory.Exists(folder)
            ? []
            : [
                .. InputFolder.FileNames(folder, "model*")
                    .Where(name => name is SingleFileName or ShardIndex.FileName || ShardName().IsMatch(name))
            ];

    [GeneratedRegex(@"^model-[0-9]{5,}-of-[0-9]{5,}\.safetensors\z")]
    private static partial Regex ShardName();

    private static CheckpointException NoWeights(string folder)
    {
        var files = InputFolder.FileNames(folder).ToList();
        if (files.Find(file => PickleExtensions.Contains(Path.GetExtension(file).ToLowerInvariant())) is { } pickle)
        {
            return new CheckpointException(CheckpointError.RefusedFormat, Path.Combine(folder, pickle),
                $"'{Path.Combine(folder, pickle)}' is a checkpoint under a name that loaders do not look for. If it holds the model's "
                + $"weights, call it '{PickledFileName}': tensors are read from it, and nothing that it carries is run.");
        }

        if (files.Find(file => file.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) is { } gguf)
        {
            return new CheckpointException(CheckpointError.RefusedFormat, Path.Combine(folder, gguf),
                $"'{Path.Combine(folder, gguf)}' is a GGUF file and no model folder. Name the file itself: it is a model, "
                    + "with its configuration and tokenizer.");
        }

        var shards = files.FindAll(file => file.EndsWith(".safetensors", StringComparison.Ordinal));
        if (shards.FindAll(file => ShardName().IsMatch(file)) is { Count: > 0 } numbered)
        {
            return new CheckpointException(CheckpointError.NoWeights, folder,
                $"The model folder '{folder}' has {numbered.Count} shards, '{numbered[0]}' among them, but no '{ShardIndex.FileName}' "
                    + "that says which tensor is in which. Get that file too; it lies beside the shards where they come from.");
        }

        if (shards.Count > 0)
        {
            var what = shards.Exists(file => file.StartsWith("consolidated", StringComparison.Ordinal))
                ? "the maker's own format, whose tensors have other names"
                : "no name that loaders look for";
            return new CheckpointException(CheckpointError.NoWeights, folder,
                $"The model folder '{folder}' has '{shards[0]}' ({what}), and neither '{SingleFileName}' nor '{ShardIndex.FileName}'. "
                    + "Get or convert to the checkpoint in the Hugging Face format.");
        }

        return new CheckpointException(CheckpointError.NoWeights, folder,
            $"The model folder '{folder}' has neither '{SingleFileName}' nor '{ShardIndex.FileName}'.");
    }
}
