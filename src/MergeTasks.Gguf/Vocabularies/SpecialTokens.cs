using System.Text;
using System.Text.Json;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Files.Json;
using MergeTasks.Gguf.Format;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Gguf.Vocabularies;

/// <summary>Writes the ids of special tokens, what a tokenizer puts around a text, and chat templates.</summary>
internal static class SpecialTokens
{
    /// <summary>Names special tokens, and holds chat templates.</summary>
    public const string ConfigFile = "tokenizer_config.json";

    /// <summary>Names special tokens too.</summary>
    public const string MapFile = "special_tokens_map.json";

    /// <summary>Holds a chat template, and comes before all others.</summary>
    public const string TemplateFile = "chat_template.jinja";

    private const string TemplateKey = "chat_template";

    /// <summary>What the files here and the format call the tokens; the format spells one of them so.</summary>
    public static IReadOnlyList<(string Role, string Key)> Roles { get; } =
    [
        ("bos_token", "bos_token_id"), ("eos_token", "eos_token_id"), ("unk_token", "unknown_token_id"),
        ("sep_token", "seperator_token_id"), ("pad_token", "padding_token_id"), ("mask_token", "mask_token_id"),
    ];

    /// <summary>Writes them.</summary>
    /// <exception cref="GgufException">More is put around a text than the format can say.</exception>
    public static void Write(ModelSource source, Tokenizer tokenizer, VocabularyForm form, GgufMetadata metadata)
    {
        var config = Read(source, ConfigFile);
        var ids = IdsOf(source, config, tokenizer);
        var inner = tokenizer.Encode("a", addSpecialTokens: false, applyLengthRules: false);
        var whole = tokenizer.Encode("a", addSpecialTokens: true, applyLengthRules: false);
        var (before, after) = Around(inner, whole);
        if (before.Length > 1 || after.Length > 1)
        {
            throw VocabularyExport.Refusal(
                $"GGUF puts at most one token before and after a text, and the tokenizer {before.Length} and {after.Length}");
        }

        if (before.Length == 1)
            ids["bos_token"] = before[0];
        if (after.Length == 1)
            ids[form.IsWordPiece ? "sep_token" : "eos_token"] = after[0];
        if (form.UnknownToken is { } unknown && tokenizer.TokenToId(unknown) is { } unknownId)
            ids["unk_token"] = unknownId;
        foreach (var (role, key) in Roles)
        {
            if (ids.TryGetValue(role, out var id))
                metadata.Add($"tokenizer.ggml.{key}", id);
        }

        metadata.Add("tokenizer.ggml.add_bos_token", before.Length == 1);
        metadata.Add("tokenizer.ggml.add_eos_token", after.Length == 1 && !form.IsWordPiece);
        if (form.IsWordPiece)
            metadata.Add("tokenizer.ggml.add_sep_token", after.Length == 1);
        WriteTemplates(source, config, metadata);
    }

    private static (int[] Before, int[] After) Around(int[] inner, int[] whole)
    {
        for (var at = 0; at + inner.Length <= whole.Length; at++)
        {
            if (whole.AsSpan(at, inner.Length).SequenceEqual(inner))
                return (whole[..at], whole[(at + inner.Length)..]);
        }

        throw VocabularyExport.Refusal("GGUF cannot say what the tokenizer puts around a text");
    }

    // A text, or an object with one; where neither file names a token, the model's configuration may have its id.
    private static Dictionary<string, int> IdsOf(ModelSource source, JsonElement? config, Tokenizer tokenizer)
    {
        var map = Read(source, MapFile);
        using var json = StrictJson.Parse(source.Config, ModelConfig.FileName);
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (role, _) in Roles)
        {
            if ((NameOf(config, role) ?? NameOf(map, role)) is { } name && tokenizer.TokenToId(name) is { } id)
                ids[role] = id;
            else if (json.RootElement.TryGetProperty($"{role}_id", out var given)
                && (given.ValueKind == JsonValueKind.Array && given.GetArrayLength() > 0 ? given[0] : given) is var number
                && number.ValueKind == JsonValueKind.Number
                && number.TryGetInt32(out var value) && value >= 0 && tokenizer.IdToToken(value) is not null)
                ids[role] = value;
        }

        return ids;
    }

    private static string? NameOf(JsonElement? file, string role) =>
        file is not { ValueKind: JsonValueKind.Object } root || !root.TryGetProperty(role, out var token) ? null
        : token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out var content) ? content.AsText()
        : token.AsText();

    private static void WriteTemplates(ModelSource source, JsonElement? config, GgufMetadata metadata)
    {
        if (source.ReadFile(TemplateFile) is { } own)
        {
            metadata.Add("tokenizer.chat_template", Encoding.UTF8.GetString(own));
            return;
        }

        if (config is not { ValueKind: JsonValueKind.Object } root || !root.TryGetProperty(TemplateKey, out var template))
            return;
        if (template.AsText() is { } text)
        {
            metadata.Add("tokenizer.chat_template", text);
        }
        else if (template.ValueKind == JsonValueKind.Array)
        {
            foreach (var named in template.EnumerateArray().Where(entry => entry.ValueKind == JsonValueKind.Object))
            {
                if (named.TryGetProperty("name", out var name) && named.TryGetProperty("template", out var body)
                    && body.AsText() is { } one)
                    metadata.Add($"tokenizer.chat_template{(name.AsText() is "default" or null ? "" : $".{name.AsText()}")}", one);
            }
        }
    }

    private static JsonElement? Read(ModelSource source, string name)
    {
        if (source.ReadFile(name) is not { } bytes)
            return null;
        using var json = StrictJson.Parse(bytes, name);
        return json.RootElement.Clone();
    }
}
