using System.Text.Json;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Gguf.Vocabularies;

/// <summary>Which of the format's vocabularies a tokenizer is.</summary>
/// <param name="Model">The value of <c>tokenizer.ggml.model</c>.</param>
/// <param name="PreTokenizer">The value of <c>tokenizer.ggml.pre</c>.</param>
internal sealed record VocabularyForm(string Model, string PreTokenizer)
{
    private const string Space = "▁";

    /// <summary>Whether tokens have scores and merges do not matter.</summary>
    public bool HasScores => Model == "llama";

    /// <summary>Whether the best division of a text by the tokens' probabilities is taken.</summary>
    public bool IsUnigram => Model == "t5";

    /// <summary>Of Unigram, SentencePiece's compiled table of replaced characters; <see langword="null"/>: none.</summary>
    public byte[]? Replacements { get; private init; }

    /// <summary>Of Unigram, whether of several spaces one stays, and none around a text.</summary>
    public bool MergesSpaces { get; private init; }

    /// <summary>Whether words are spelt by the longest pieces.</summary>
    public bool IsWordPiece => Model == "bert";

    /// <summary>Whether a space is put before a text; <see langword="null"/>: the format does not ask.</summary>
    public bool? AddsSpace { get; private init; }

    /// <summary>What stands for what no token spells; <see langword="null"/>: nothing does.</summary>
    public string? UnknownToken { get; private init; }

    /// <summary>Finds it out.</summary>
    /// <param name="file">The tokenizer file's object.</param>
    /// <exception cref="Format.GgufException">It is none of them.</exception>
    public static VocabularyForm Of(JsonElement file)
    {
        var model = file.GetProperty("model");
        var normalizers = Flatten(file, "normalizer", "normalizers");
        var preTokenizers = Flatten(file, "pre_tokenizer", "pretokenizers");
        var type = Text(model, "type") ?? "BPE";
        var form = type switch
        {
            "Unigram" => Unigram(model, normalizers, preTokenizers),
            "WordPiece" => WordPiece(model, normalizers, preTokenizers),
            "BPE" when preTokenizers.Exists(part => Text(part, "type") == "ByteLevel") => ByteLevel(model, normalizers, preTokenizers),
            "BPE" when IsTrue(model, "byte_fallback") => SentencePiece(normalizers, preTokenizers),
            _ => throw VocabularyExport.Refusal($"GGUF has no tokenizer of this kind ({type}{(type == "BPE" ? " without bytes" : "")})"),
        };
        return form with { UnknownToken = Text(model, "unk_token") ?? form.UnknownToken };
    }

    private static VocabularyForm ByteLevel(JsonElement model, List<JsonElement> normalizers, List<JsonElement> preTokenizers)
    {
        // Readers do not compose characters either; texts that are composed already, as nearly all are, are read alike.
        if (normalizers.Exists(part => Text(part, "type") != "NFC"))
            throw VocabularyExport.Refusal($"GGUF has no normalizer {Text(normalizers[0], "type")} for byte-level BPE");
        if (Text(model, "continuing_subword_prefix") is { Length: > 0 } || Text(model, "end_of_word_suffix") is { Length: > 0 })
            throw VocabularyExport.Refusal("GGUF has no prefixes or suffixes of pieces for byte-level BPE");
        var patterns = preTokenizers.SelectMany(PatternsOf).ToList();
        var ignores = IsTrue(model, "ignore_merges");
        return new VocabularyForm(
            "gpt2",
            PreTokenizers.NameOf(patterns, ignores) ?? throw VocabularyExport.Refusal(
                $"GGUF has no name for the tokenizer's pre-tokenizer ({string.Join(", then ", patterns.Select(Short))}"
                    + $"{(ignores ? ", ignore_merges" : "")})"));
    }

    private static IEnumerable<string> PatternsOf(JsonElement part)
    {
        switch (Text(part, "type"))
        {
            case "ByteLevel" when IsTrue(part, "add_prefix_space"):
                throw VocabularyExport.Refusal("GGUF has no space before byte-level BPE (add_prefix_space)");
            case "ByteLevel":
                return !part.TryGetProperty("use_regex", out var use) || use.ValueKind == JsonValueKind.True
                    ? [PreTokenizers.ByteLevel] : [];
            case "Digits" when IsTrue(part, "individual_digits"):
                return [PreTokenizers.Digits];
            case "Split" when part.TryGetProperty("pattern", out var pattern) && Text(pattern, "Regex") is { } regex
                && (Text(part, "behavior"), IsTrue(part, "invert")) is ("Isolated", false) or ("Removed", true):
                return [regex];
            case var other:
                return [other ?? "?"];
        }
    }

    // With spaces spelt as ▁, and one before the text or not.
    private static VocabularyForm SentencePiece(List<JsonElement> normalizers, List<JsonElement> preTokenizers)
    {
        var (adds, replaces) = (false, false);
        foreach (var part in normalizers)
        {
            var isKnown = Text(part, "type") switch
            {
                "Prepend" => Text(part, "prepend") == Space && (adds = true),
                "Replace" => part.TryGetProperty("pattern", out var pattern) && Text(pattern, "String") == " "
                    && Text(part, "content") == Space && (replaces = true),
                _ => false,
            };
            if (!isKnown)
                throw VocabularyExport.Refusal($"GGUF has no normalizer {Text(part, "type")} for SentencePiece");
        }

        foreach (var part in preTokenizers)
        {
            // Gemma's splits at spaces, of which none is left.
            if (Text(part, "type") == "Split" && replaces)
                continue;
            if (Text(part, "type") != "Metaspace" || replaces
                || (part.TryGetProperty("split", out var split) && split.ValueKind != JsonValueKind.False))
                throw VocabularyExport.Refusal($"GGUF has no pre-tokenizer {Text(part, "type")} for SentencePiece");
            replaces = true;
            adds = Text(part, "prepend_scheme") is not "never";
        }

        return replaces
            ? new VocabularyForm("llama", "default") { AddsSpace = adds }
            : throw VocabularyExport.Refusal("GGUF has SentencePiece only with spaces spelt as ▁");
    }

    // As SentencePiece has it: characters replaced by a compiled table, spaces as ▁, one before the text.
    private static VocabularyForm Unigram(JsonElement model, List<JsonElement> normalizers, List<JsonElement> preTokenizers)
    {
        if (IsTrue(model, "byte_fallback"))
            throw VocabularyExport.Refusal("readers of GGUF spell no unknown characters in bytes for Unigram");
        var (replacements, merges) = ((byte[]?)null, false);
        foreach (var part in normalizers)
        {
            if (Text(part, "type") == "Precompiled" && replacements is null && Text(part, "precompiled_charsmap") is { } table)
                replacements = Convert.FromBase64String(table);
            else if (Text(part, "type") == "Replace" && part.TryGetProperty("pattern", out var pattern)
                && Text(pattern, "Regex") == " {2,}" && Text(part, "content") is " " or Space)
                merges = true;
            else if (Text(part, "type") != "Strip")
                throw VocabularyExport.Refusal($"GGUF has no normalizer {Text(part, "type")} for Unigram");
        }

        // Words that are divided at white space are texts whose spaces are merged, once a table has made all white space spaces.
        if (preTokenizers.Count == 2 && Text(preTokenizers[0], "type") == "WhitespaceSplit" && replacements is not null)
        {
            merges = true;
            preTokenizers = preTokenizers[1..];
        }

        if (preTokenizers is not [var split] || Text(split, "type") != "Metaspace" || (Text(split, "replacement") ?? Space) != Space)
            throw VocabularyExport.Refusal("GGUF has Unigram only with spaces spelt as ▁");
        var unknown = model.TryGetProperty("unk_id", out var id) && id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var index)
            && index >= 0 && index < model.GetProperty("vocab").GetArrayLength() ? model.GetProperty("vocab")[index][0].AsText() : null;
        return new VocabularyForm("t5", "default")
        {
            AddsSpace = Text(split, "prepend_scheme") is not "never",
            Replacements = replacements,
            MergesSpaces = merges,
            UnknownToken = unknown ?? throw VocabularyExport.Refusal("readers of GGUF need a token for what Unigram does not spell"),
        };
    }

    private static VocabularyForm WordPiece(JsonElement model, List<JsonElement> normalizers, List<JsonElement> preTokenizers)
    {
        var isBert = normalizers is [var normalizer] && Text(normalizer, "type") == "BertNormalizer"
            && IsTrue(normalizer, "clean_text") && IsTrue(normalizer, "handle_chinese_chars")
            && preTokenizers is [var split] && Text(split, "type") == "BertPreTokenizer";
        if (!isBert || Text(model, "continuing_subword_prefix") != "##")
            throw VocabularyExport.Refusal("GGUF has WordPiece only with BERT's normalizer and pre-tokenizer");
        if (!IsTrue(normalizers[0], "lowercase")
            || (normalizers[0].TryGetProperty("strip_accents", out var strip) && strip.ValueKind == JsonValueKind.False))
            throw VocabularyExport.Refusal("readers of GGUF make all letters of WordPiece small and plain, which this tokenizer does not");
        return new VocabularyForm("bert", "default");
    }

    private static List<JsonElement> Flatten(JsonElement file, string name, string list)
    {
        var parts = new List<JsonElement>();
        if (file.TryGetProperty(name, out var part))
            Add(part);
        return parts;

        void Add(JsonElement element)
        {
            if (element.ValueKind != JsonValueKind.Object)
                return;
            if (Text(element, "type") != "Sequence")
                parts.Add(element);
            else if (element.TryGetProperty(list, out var members) && members.ValueKind == JsonValueKind.Array)
                members.EnumerateArray().ToList().ForEach(Add);
        }
    }

    private static string Short(string pattern) => pattern.Length <= 40 ? pattern : pattern[..37] + "...";

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) ? value.AsText() : null;

    private static bool IsTrue(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
