using System.Text.Json;
using MergeTasks.Checkpoints.Disk;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Files.Json;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>
/// The files beside the weights that make a folder a model. The rule is: what a loader of this folder would open. That is the tokenizer's
/// tables, configurations (of generation, processors, parts), chat templates, what these name, and the code that <c>auto_map</c> names;
/// besides, what its authors bind a copy to: licences and policies. Logs of training, adapters' and quantisations' settings, and indexes of
/// other frameworks are none of it.
/// </summary>
internal static class SideFiles
{
    /// <summary>The file in which sentence-transformers lists a model's modules, each with its folder.</summary>
    private const string ModulesFile = "modules.json";

    private const string TemplatesFolder = "additional_chat_templates";

    private const int MostNested = 200;

    // Of tokenizers and processors, beside all that ends in .jinja, .model, .tiktoken or .spm.
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "tokenizer.json",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
        "special_tokens_map.json",
        "added_tokens.json",
        "tekken.json",
        "normalizer.json",
        "bpe.codes",
        "dict.txt",
        "chat_template.json", ModulesFile, "preprocessor_config.json", "vocab-src.json", "vocab-tgt.json", "emoji.json",
        "entity_vocab.json", "word_shape.json", "word_pronunciation.json",
        "chat_templates.json", "sentencepiece.bpe.vocab", "source.spm", "target.spm", "language_codes.json", "label2id.json",
        "id2label.json", "labels.json", "labels.txt", "template.json",
    };

    private static readonly string[] Extensions = [".jinja", ".model", ".tiktoken", ".spm"];

    private static readonly string[] Licences = ["LICENSE", "LICENCE", "NOTICE", "USE_POLICY", "COPYING", "ACCEPTABLE_USE"];

    // A configuration of something that the output is not made with.
    private static readonly string[] OtherSettings = [
        "adapter", "peft", "lora", "quant", "train", "deepspeed", "ds_config", "accelerate", "mergekit", "optimizer", "scheduler", "eval"
    ];

    /// <summary>The names of the files to copy byte for byte from a donor model; those in subfolders with '/'.</summary>
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

    /// <summary>Whether a file of this name is code.</summary>
    public static bool IsCode(string name) => name.EndsWith(".py", StringComparison.Ordinal);

    /// <summary>
    /// Whether a file of this name may be one to copy, by its name alone: what a repository's other files name is known once they are here.
    /// </summary>
    public static bool IsSideFile(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal))
            return IsNested(name);
        if (name.StartsWith('.') || name == ModelConfig.FileName || name.EndsWith(".index.json", StringComparison.Ordinal))
            return false;
        return Known.Contains(name) || Extensions.Contains(Path.GetExtension(name)) || IsLicence(name)
            || (name.EndsWith(".json", StringComparison.Ordinal) && name.Contains("config", StringComparison.Ordinal) && !IsOther(name))
            || (name.EndsWith(".json", StringComparison.Ordinal) && name.StartsWith("sentence_", StringComparison.Ordinal));
    }

    private static bool IsLicence(string name) =>
        Licences.Any(start => name.StartsWith(start, StringComparison.OrdinalIgnoreCase))
            && Path.GetExtension(name).ToUpperInvariant() is ("" or ".MD" or ".TXT" or ".RST" or ".PDF");

    private static bool IsOther(string name) => OtherSettings.Any(part => name.Contains(part, StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// Whether a folder of this name below a model may hold files of it: of templates, or of a module of sentence-transformers, whose name
    /// begins with its number.
    /// </summary>
    public static bool IsSideFolder(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return name == TemplatesFolder || (char.IsAsciiDigit(name[0]) && name.Contains('_', StringComparison.Ordinal));
    }

    private static bool IsNested(string name) => name.Split('/') is [{ Length: > 0 } folder, var file] && IsSideFolder(folder)
        && (folder == TemplatesFolder ? file.EndsWith(".jinja", StringComparison.Ordinal) : IsOfModule(file));

    private static bool IsOfModule(string file) =>
        !file.StartsWith('.')
            && (file is ModelConfig.FileName or WeightFiles.SingleFileName || IsSideFile(file))
            && !file.Contains('/', StringComparison.Ordinal);

    private static IEnumerable<string> Named(string folder, IReadOnlyCollection<string> alsoExcluded)
    {
        var all = InputFolder.FileNames(folder).ToHashSet(StringComparer.Ordinal);
        var names = new SortedSet<string>(all.Where(IsSideFile), StringComparer.Ordinal);
        foreach (var file in names.Where(name => name.EndsWith(".json", StringComparison.Ordinal))
            .Prepend(ModelConfig.FileName)
            .Where(all.Contains)
            .ToList())
            AddNamed(folder, file, all, names);
        names.UnionWith(Nested(folder, TemplatesFolder, file => file.EndsWith(".jinja", StringComparison.Ordinal)));
        return names.Where(name => !alsoExcluded.Contains(name));
    }

    // Other files may be named in settings: vocabularies under names of their own, code in 'auto_map', folders in modules.json.
    private static void AddNamed(string folder, string file, HashSet<string> all, SortedSet<string> names)
    {
        if (OwnFiles.Outside(folder, file) is not null || Root(Path.Combine(folder, file)) is not { } root)
            return;
        if (root.ValueKind == JsonValueKind.Object)
        {
            foreach (var value in root.EnumerateObject()
                .Where(member => member.Value.ValueKind == JsonValueKind.String)
                .Select(member => member.Value.GetString()!))
            {
                if (all.Contains(value)
                    && Path.GetExtension(value) is (".json" or ".txt" or ".vocab" or ".codes")
                    && !IsOther(value)
                    && value != ModelConfig.FileName)
                    names.Add(value);
            }

            if (root.TryGetProperty("auto_map", out var map) && map.ValueKind == JsonValueKind.Object)
            {
                foreach (var module in map.EnumerateObject().SelectMany(entry => Texts(entry.Value)))
                    AddCode(folder, module.Split('.')[0] + ".py", all, names);
            }
        }
        else if (file == ModulesFile && root.ValueKind == JsonValueKind.Array)
        {
            foreach (var module in root.EnumerateArray())
            {
                if (module.ValueKind == JsonValueKind.Object
                    && module.TryGetProperty("path", out var path)
                    && path.ValueKind == JsonValueKind.String
                    && path.GetString() is { Length: > 0 } name
                    && name.AsSpan().IndexOfAny(['/', '\\', ':', '\0']) < 0 && name is not ("." or ".."))
                {
                    names.UnionWith(Nested(folder, name, IsOfModule));
                }
            }
        }
    }

    // A module and what it imports from beside itself: 'from .other import …'.
    private static void AddCode(string folder, string file, HashSet<string> all, SortedSet<string> names)
    {
        if (!all.Contains(file) || !names.Add(file) || OwnFiles.Outside(folder, file) is not null)
            return;
        foreach (var line in InputFile.ReadText(Path.Combine(folder, file), InputFile.LongestWritten).Split('\n'))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (words is ["from", ['.', ..] from, "import", .. var imported])
            {
                var modules = from.Length > 1 ? [from[1..].Split('.')[0]] : imported.Select(word => word.Trim(',', '(', ')'));
                foreach (var module in modules)
                    AddCode(folder, module + ".py", all, names);
            }
        }
    }

    private static IEnumerable<string> Nested(string folder, string name, Func<string, bool> isWanted) =>
        !Directory.Exists(Path.Combine(folder, name)) ? []
        : InputFolder.FileNames(Path.Combine(folder, name)).Where(isWanted).Take(MostNested).Select(file => $"{name}/{file}");

    private static IEnumerable<string> Texts(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Texts),
        _ => [],
    };

    private static JsonElement? Root(string path)
    {
        // Tables of tokens, which are large, name no other file.
        if (Path.GetFileName(path) is "tokenizer.json" or "vocab.json" or "tekken.json")
            return null;
        try
        {
            using var json = StrictJson.Read(path);
            return json.RootElement.Clone();
        }
        catch (FileFault)
        {
            // It is copied as it is; whoever needs what it says reports it.
            return null;
        }
    }
}
