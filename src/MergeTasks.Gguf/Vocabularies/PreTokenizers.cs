namespace MergeTasks.Gguf.Vocabularies;

/// <summary>
/// The ways to divide texts before byte-level BPE that readers of GGUF files know: each is a name for patterns. Names that readers treat
/// alike are one.
/// </summary>
internal static class PreTokenizers
{
    /// <summary>Stands for the pattern that GPT-2's pre-tokenizer has built in.</summary>
    public const string ByteLevel = "(byte level)";

    /// <summary>Stands for single digits.</summary>
    public const string Digits = "(digits)";

    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Rest = @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string SlashRest = @" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Lower = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+";
    private const string Upper = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*";

    // By patterns, and by whether whole words that are tokens are taken without merging.
    private static readonly (string[] Patterns, bool IgnoresMerges, string Name)[] Known =
    [
        ([$@"{Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{Rest}"], true, "llama-bpe"),
        ([$@"{Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{Rest}"], false, "smaug-bpe"),
        ([$@"{Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{Rest}"], false, "qwen2"),
        ([$@"{Lower}{Contractions}?|{Upper}{Contractions}?|\p{{N}}{{1,3}}|{SlashRest}"], false, "gpt-4o"),
        ([$@"{Lower}|{Upper}|\p{{N}}|{SlashRest}"], true, "tekken"),
        ([ByteLevel], false, "gpt-2"),
        ([Digits, ByteLevel], false, "smollm"),
        (
            [
                @"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+",
                "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*"
                    + "|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
            ],
            false, "deepseek-v3"),
    ];

    // As llama.cpp has them, in groups that it divides texts for alike; the first is the one that is written.
    private static readonly string[][] Alike =
    [
        ["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"],
        ["smaug-bpe", "dbrx"],
        ["qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan"],
        ["gpt-4o", "llama4"],
        ["gpt-2", "phi-2", "gigachat", "mpt", "olmo", "jais", "jina-es", "jina-de", "trillion"],
        ["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
    ];

    /// <summary>All names, those that are read alone included.</summary>
    public static IEnumerable<string> Names => Known.Select(known => known.Name).Union(Alike.SelectMany(names => names));

    /// <summary>The name of a way; <see langword="null"/> where there is none.</summary>
    public static string? NameOf(IReadOnlyList<string> patterns, bool ignoresMerges) =>
        Known.FirstOrDefault(known => known.Patterns.SequenceEqual(patterns) && known.IgnoresMerges == ignoresMerges).Name;

    /// <summary>The way of a name; <see langword="null"/> where there is none of that name.</summary>
    public static (IReadOnlyList<string> Patterns, bool IgnoresMerges)? Of(string name)
    {
        name = Canonical(name);
        return Known.FirstOrDefault(known => known.Name == name) is { Name: not null } found ? (found.Patterns, found.IgnoresMerges) : null;
    }

    /// <summary>The name that is written for a way.</summary>
    public static string Canonical(string name) => Array.Find(Alike, names => names.Contains(name))?[0] ?? name;
}
