using MergeTasks.Checkpoints.Disk;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>The files beside the weights that make a folder a model: configuration, tokenizer, chat template, generation settings.</summary>
internal static class SideFiles
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
    /// .json, .jinja, .model, .txt, .tiktoken or .spm, except <c>config.json</c>, shard indexes, training logs, this project's own manifest, and
    /// links that lead out of the folder (<see cref="OwnFiles"/>).
    /// </summary>
    /// <param name="folder">The donor.</param>
    /// <param name="alsoExcluded">Names that the caller writes itself.</param>
    /// <returns>File names in ordinal order.</returns>
    /// <exception cref="FileFault">The folder cannot be listed.</exception>
    public static IReadOnlyList<string> List(string folder, IReadOnlyCollection<string> alsoExcluded) =>
        [.. Named(folder, alsoExcluded).Where(name => OwnFiles.Outside(folder, name) is null)];

    /// <summary>The files that <see cref="List"/> leaves out because they are links out of the folder, with where they lead.</summary>
    /// <inheritdoc cref="List"/>
    public static IReadOnlyList<(string Name, string Target)> Foreign(string folder, IReadOnlyCollection<string> alsoExcluded) =>
        [.. Named(folder, alsoExcluded).Select(name => (Name: name, Target: OwnFiles.Outside(folder, name)))
            .Where(file => file.Target is not null).Select(file => (file.Name, file.Target!))];

    /// <summary>Whether a file of this name is one to copy.</summary>
    public static bool IsSideFile(string name) =>
        Extensions.Contains(Path.GetExtension(name)) && !name.StartsWith('.')
        && !name.EndsWith(".safetensors.index.json", StringComparison.Ordinal) && !Excluded.Contains(name);

    private static IEnumerable<string> Named(string folder, IReadOnlyCollection<string> alsoExcluded) =>
        InputFolder.FileNames(folder).Where(name => IsSideFile(name) && !alsoExcluded.Contains(name));
}
