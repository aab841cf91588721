using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>The files beside the weights that make a folder a model: configuration, tokenizer, chat template, generation settings.</summary>
public static class SideFiles
{
    private static readonly string[] Extensions = [".json", ".jinja", ".model", ".txt", ".tiktoken", ".spm"];

    private static readonly string[] Excluded =
    [
        ModelConfig.FileName,                // rewritten for the output's element type
        ShardIndex.FileName,                 // describes the donor's shards
        "pytorch_model.bin.index.json",      // describes files that are refused
        "trainer_state.json",                // a training run's log, not part of a model
        "training_args.json",
    ];

    /// <summary>
    /// The names of the files to copy byte for byte from a donor model: everything in the folder itself that ends in
    /// .json, .jinja, .model, .txt, .tiktoken or .spm, except <c>config.json</c>, shard indexes, training logs and this project's own manifest.
    /// </summary>
    /// <param name="folder">The donor.</param>
    /// <param name="alsoExcluded">Names that the caller writes itself.</param>
    /// <returns>File names in ordinal order.</returns>
    public static IReadOnlyList<string> List(string folder, IReadOnlyCollection<string> alsoExcluded) =>
        [.. Directory.EnumerateFiles(folder)
            .Select(path => Path.GetFileName(path)!)
            .Where(name => IsSideFile(name) && !alsoExcluded.Contains(name))
            .Order(StringComparer.Ordinal)];

    /// <summary>Whether a file of this name is one to copy.</summary>
    public static bool IsSideFile(string name) =>
        Extensions.Contains(Path.GetExtension(name)) && !name.StartsWith('.')
        && !name.EndsWith(".safetensors.index.json", StringComparison.Ordinal) && !Excluded.Contains(name);
}
