using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Vocabularies;

namespace MergeTasks.Gguf.Reading;

/// <summary>
/// Reads a GGUF file's vocabulary as Hugging Face's files of a tokenizer: byte-level BPE by the name of its pre-tokenizer, and BPE of
/// SentencePiece by its scores. It undoes what <see cref="VocabularyExport"/> does.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="tokens">Its tokens.</param>
internal sealed class VocabularyImport(GgufFile file, string[] tokens)
{
    private const string Space = "▁";

    // Characters of other scripts stay what they are, as in the files that libraries write.
    private static readonly JsonSerializerOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly SpecialTokensImport _special = new(file, tokens);

    /// <summary>The files by name.</summary>
    /// <exception cref="GgufException">No file of a tokenizer does what readers of this one do.</exception>
    public static IReadOnlyList<(string Name, byte[] Content)> Files(GgufFile file)
    {
        var import = new VocabularyImport(
            file, file.Texts("tokenizer.ggml.tokens") ?? throw Refused("has no list 'tokenizer.ggml.tokens'"));
        return
        [
            (VocabularyExport.FileName, JsonSerializer.SerializeToUtf8Bytes(import.Tokenizer(), Options)),
            (SpecialTokens.ConfigFile, JsonSerializer.SerializeToUtf8Bytes(import._special.Config(), Options)),
        ];
    }

    private JsonObject Tokenizer()
    {
        var kinds = Kinds();
        var model = file.Text("tokenizer.ggml.model");
        var name = file.Text("tokenizer.ggml.pre") ?? "default";
        var tokenizer = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. Added(kinds)]),
        };
        switch (model)
        {
            case "gpt2" when PreTokenizers.Of(name) is { } way:
                AddByteLevel(tokenizer, PreTokenizers.Canonical(name), way.Patterns, way.IgnoresMerges, kinds);
                break;
            case "gpt2":
                throw Refused(
                    $"has the pre-tokenizer '{name}'; read are {string.Join(", ", PreTokenizers.Names.Order(StringComparer.Ordinal))}");
            case "llama":
                AddSentencePiece(tokenizer, kinds);
                break;
            default:
                throw Refused($"has the tokenizer '{model ?? "(absent)"}'; read are gpt2 and llama");
        }

        return tokenizer;
    }

    private void AddByteLevel(
        JsonObject tokenizer, string name, IReadOnlyList<string> patterns, bool ignoresMerges, TokenKind[] kinds)
    {
        // Composing characters is left to readers, of which none does it; models with this vocabulary were trained on composed ones.
        tokenizer["normalizer"] = name == "qwen2" ? new JsonObject { ["type"] = "NFC" } : null;
        var last = patterns[^1] == PreTokenizers.ByteLevel;
        tokenizer["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(
            [
                .. patterns.Take(patterns.Count - (last ? 1 : 0)).Select(pattern => (JsonNode)(pattern == PreTokenizers.Digits
                    ? new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }
                    : new JsonObject
                    {
                        ["type"] = "Split",
                        ["pattern"] = new JsonObject { ["Regex"] = pattern },
                        ["behavior"] = "Isolated",
                        ["invert"] = false,
                    })),
                ByteLevel(last),
            ]),
        };
        tokenizer["post_processor"] = _special.Around(addsBegin: name is "llama-bpe" or "tekken", -1);
        tokenizer["decoder"] = ByteLevel(true);
        var merges = file.Texts("tokenizer.ggml.merges") ?? throw Refused("has no list 'tokenizer.ggml.merges'");
        tokenizer["model"] = Bpe(kinds, null, false, ignoresMerges, [.. merges.Select(merge =>
        {
            // The first character may be a space itself.
            var space = merge.IndexOf(' ', Math.Min(1, merge.Length));
            return space < 0 ? throw Refused($"has the merge '{merge}', which is none of two pieces")
                : (merge[..space], merge[(space + 1)..]);
        })]);

        static JsonObject ByteLevel(bool usesPattern) => new()
        {
            ["type"] = "ByteLevel",
            ["add_prefix_space"] = false,
            ["trim_offsets"] = true,
            ["use_regex"] = usesPattern,
        };
    }

    private void AddSentencePiece(JsonObject tokenizer, TokenKind[] kinds)
    {
        var addsSpace = _special.Flag("add_space_prefix", true);
        var replace = new JsonObject
        {
            ["type"] = "Replace",
            ["pattern"] = new JsonObject { ["String"] = " " },
            ["content"] = Space,
        };
        tokenizer["normalizer"] = !addsSpace ? replace : new JsonObject
        {
            ["type"] = "Sequence",
            ["normalizers"] = new JsonArray(new JsonObject { ["type"] = "Prepend", ["prepend"] = Space }, replace),
        };
        tokenizer["pre_tokenizer"] = null;
        tokenizer["post_processor"] = _special.Around(addsBegin: true, 1);
        tokenizer["decoder"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["decoders"] = new JsonArray(
            [
                new JsonObject
                {
                    ["type"] = "Replace", ["pattern"] = new JsonObject { ["String"] = Space }, ["content"] = " ",
                },
                new JsonObject { ["type"] = "ByteFallback" },
                new JsonObject { ["type"] = "Fuse" },
                .. addsSpace
                    ? new JsonNode[] { new JsonObject { ["type"] = "Strip", ["content"] = " ", ["start"] = 1, ["stop"] = 0 } } : [],
            ]),
        };
        var unknown = Array.IndexOf(kinds, TokenKind.Unknown);
        tokenizer["model"] = Bpe(kinds, unknown < 0 ? null : tokens[unknown], true, false, [.. MergesOf(kinds)]);
    }

    // SentencePiece joins the pair whose piece has the highest score. Whatever two pieces make a piece, they may be joined.
    private IEnumerable<(string Left, string Right)> MergesOf(TokenKind[] kinds)
    {
        var scores = file.Numbers("tokenizer.ggml.scores");
        if (scores is null || scores.Length != tokens.Length)
            throw Refused("has no list 'tokenizer.ggml.scores' of one number for each token");
        var ids = Enumerable.Range(0, tokens.Length)
            .Where(id => kinds[id] is TokenKind.Normal or TokenKind.UserDefined && IsText(tokens[id])).ToList();
        var pieces = ids.Select(id => tokens[id]).ToHashSet(StringComparer.Ordinal);
        var spans = pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var id in ids.OrderByDescending(id => scores[id]))
        {
            var piece = tokens[id];
            for (var at = 1; at < piece.Length; at++)
            {
                if (!char.IsLowSurrogate(piece[at]) && spans.Contains(piece.AsSpan(0, at)) && spans.Contains(piece.AsSpan(at)))
                    yield return (piece[..at], piece[at..]);
            }
        }
    }

    private JsonObject Bpe(
        TokenKind[] kinds, string? unknown, bool hasBytes, bool ignoresMerges, IReadOnlyList<(string Left, string Right)> merges)
    {
        var vocabulary = new JsonObject();
        for (var id = 0; id < tokens.Length; id++)
        {
            if (IsToken(id, kinds) && !vocabulary.TryAdd(tokens[id], id))
                throw Refused($"has the token '{tokens[id]}' twice");
        }

        return new JsonObject
        {
            ["type"] = "BPE",
            ["dropout"] = null,
            ["unk_token"] = unknown,
            ["continuing_subword_prefix"] = null,
            ["end_of_word_suffix"] = null,
            ["fuse_unk"] = hasBytes,
            ["byte_fallback"] = hasBytes,
            ["ignore_merges"] = ignoresMerges,
            ["vocab"] = vocabulary,
            ["merges"] = new JsonArray([.. merges.Select(merge => new JsonArray(merge.Left, merge.Right))]),
        };
    }

    private IEnumerable<JsonNode> Added(TokenKind[] kinds)
    {
        // As its readers have it, who know the model by its name.
        var isPhi3 = file.Text("general.name") is { } name
            && (name.Contains("phi-3", StringComparison.OrdinalIgnoreCase) || name.Contains("phi3", StringComparison.OrdinalIgnoreCase));
        for (var id = 0; id < tokens.Length; id++)
        {
            if (kinds[id] is not (TokenKind.Control or TokenKind.Unknown or TokenKind.UserDefined) || !IsToken(id, kinds))
                continue;
            yield return new JsonObject
            {
                ["id"] = id,
                ["content"] = tokens[id],
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = isPhi3 && tokens[id] is not ("<unk>" or "<s>" or "<|endoftext|>"),
                ["normalized"] = false,
                ["special"] = kinds[id] != TokenKind.UserDefined,
            };
        }
    }

    private TokenKind[] Kinds()
    {
        if (file.Numbers("tokenizer.ggml.token_type") is not { } given)
            return [.. tokens.Select(_ => TokenKind.Normal)];
        return given.Length == tokens.Length ? [.. given.Select(kind => (TokenKind)(int)kind)]
            : throw Refused($"has {given.Length} kinds of {tokens.Length} tokens");
    }

    // Rows that no token has were given a name when the file was written.
    private bool IsToken(int id, TokenKind[] kinds) =>
        IsText(tokens[id]) && (kinds[id] != TokenKind.Unused || tokens[id].Trim('[', ']') != $"PAD{id}");

    private static bool IsText(string token) => token.Length > 0;

    private static GgufException Refused(string what) => new(GgufError.UnknownTokenizer, what);
}
