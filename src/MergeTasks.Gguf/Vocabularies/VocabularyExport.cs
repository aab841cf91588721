using System.Text.Json;
using MergeTasks.Files.Json;
using MergeTasks.Gguf.Format;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Gguf.Vocabularies;

/// <summary>How readers of a GGUF file treat a token, by the format's numbers.</summary>
internal enum TokenKind
{
    /// <summary>Comes of the model of words.</summary>
    Normal = 1,

    /// <summary>Stands for what no token spells.</summary>
    Unknown = 2,

    /// <summary>Is found in prompts where these may hold special tokens, and not shown.</summary>
    Control = 3,

    /// <summary>Is found in every text.</summary>
    UserDefined = 4,

    /// <summary>A row that no text reaches.</summary>
    Unused = 5,

    /// <summary>A byte that no other token spells.</summary>
    Byte = 6,
}

/// <summary>
/// Writes a <c>tokenizer.json</c> as the format's vocabulary: byte-level BPE by the name of its pre-tokenizer, BPE of SentencePiece by its
/// scores, WordPiece; and the special tokens, what is put around a text, and chat templates.
/// </summary>
internal static class VocabularyExport
{
    /// <summary>The file that is read.</summary>
    public const string FileName = "tokenizer.json";

    /// <summary>Names of all files that are read.</summary>
    public static IReadOnlyList<string> FileNames { get; } =
        [FileName, SpecialTokens.ConfigFile, SpecialTokens.MapFile, SpecialTokens.TemplateFile];

    /// <summary>Writes it.</summary>
    /// <param name="source">The model.</param>
    /// <param name="rows">Rows of its token table: there are as many tokens in the file.</param>
    /// <param name="metadata">Gets the keys.</param>
    /// <exception cref="GgufException">The format cannot say what the tokenizer does.</exception>
    public static void Write(ModelSource source, int rows, GgufMetadata metadata)
    {
        var bytes = source.ReadFile(FileName)
            ?? throw Refusal($"the model has no {FileName}, from which the file's vocabulary is made");
        var tokenizer = Tokenizer.Parse(bytes, FileName);
        using var json = StrictJson.Parse(bytes, FileName);
        var model = json.RootElement.GetProperty("model");
        var tokens = TokensOf(tokenizer, rows);
        var kinds = KindsOf(tokenizer, model, tokens);
        var form = VocabularyForm.Of(json.RootElement);
        metadata.Add("tokenizer.ggml.model", form.Model);
        metadata.Add("tokenizer.ggml.pre", form.PreTokenizer);
        metadata.Add("tokenizer.ggml.tokens", form.IsWordPiece ? WordPieces(tokens, kinds) : tokens);
        if (form.HasScores)
            metadata.Add("tokenizer.ggml.scores", SentencePieceScores.Of(model, tokens, kinds));
        if (form.IsUnigram)
            WriteUnigram(model, form, tokens, kinds, metadata);
        metadata.Add("tokenizer.ggml.token_type", [.. kinds.Select(kind => (int)kind)]);
        if (!form.HasScores && !form.IsWordPiece && !form.IsUnigram)
            metadata.Add("tokenizer.ggml.merges", [.. MergesOf(model).Select(merge => $"{merge.Left} {merge.Right}")]);
        if (form.AddsSpace is { } adds)
            metadata.Add("tokenizer.ggml.add_space_prefix", adds);
        SpecialTokens.Write(source, tokenizer, form, metadata);
    }

    private static void WriteUnigram(
        JsonElement model, VocabularyForm form, string[] tokens, TokenKind[] kinds, GgufMetadata metadata)
    {
        var pieces = model.GetProperty("vocab");
        metadata.Add(
            "tokenizer.ggml.scores",
            [.. tokens.Select((_, id) => id < pieces.GetArrayLength() ? (float)pieces[id][1].GetDouble() : 0f)]);
        if (Array.IndexOf(tokens, form.UnknownToken) is >= 0 and var unknown)
            kinds[unknown] = TokenKind.Unknown;
        metadata.Add("tokenizer.ggml.remove_extra_whitespaces", form.MergesSpaces);
        if (form.Replacements is { } table)
            metadata.Add("tokenizer.ggml.precompiled_charsmap", table);
    }

    /// <summary>The merges of a BPE model, in either spelling.</summary>
    internal static IEnumerable<(string Left, string Right)> MergesOf(JsonElement model)
    {
        foreach (var merge in model.GetProperty("merges").EnumerateArray())
        {
            if (merge.ValueKind == JsonValueKind.Array)
            {
                yield return (merge[0].GetString()!, merge[1].GetString()!);
                continue;
            }

            var text = merge.GetString()!;
            var space = text.IndexOf(' ', 1);
            yield return (text[..space], text[(space + 1)..]);
        }
    }

    internal static GgufException Refusal(string message) => new(GgufError.UnknownTokenizer, message);

    private static string[] TokensOf(Tokenizer tokenizer, int rows)
    {
        var tokens = new string[rows];
        var used = new HashSet<string>(rows, StringComparer.Ordinal);
        for (var id = 0; id < rows; id++)
        {
            if (tokenizer.IdToToken(id) is { } token && used.Add(token))
                tokens[id] = token;
        }

        // A table is often longer than its vocabulary; a name may be given once only.
        for (var id = 0; id < rows; id++)
        {
            if (tokens[id] is not null)
                continue;
            var name = $"[PAD{id}]";
            while (!used.Add(name))
                name = $"[{name}]";
            tokens[id] = name;
        }

        var last = tokenizer.AddedTokens.Count > 0 ? tokenizer.AddedTokens[^1].Id : 0;
        return Math.Max(last + 1, tokenizer.VocabularySize) <= rows ? tokens
            : throw Refusal($"the tokenizer has {Math.Max(last + 1, tokenizer.VocabularySize)} tokens, but the token table {rows} rows");
    }

    private static TokenKind[] KindsOf(Tokenizer tokenizer, JsonElement model, string[] tokens)
    {
        var kinds = new TokenKind[tokens.Length];
        var hasBytes = model.TryGetProperty("byte_fallback", out var fallback) && fallback.ValueKind == JsonValueKind.True;
        for (var id = 0; id < tokens.Length; id++)
        {
            kinds[id] = tokenizer.IdToToken(id) != tokens[id] ? TokenKind.Unused
                : hasBytes && IsByte(tokens[id]) ? TokenKind.Byte
                : TokenKind.Normal;
        }

        foreach (var added in tokenizer.AddedTokens)
            kinds[added.Id] = added.IsSpecial ? TokenKind.Control : TokenKind.UserDefined;
        if (model.TryGetProperty("unk_token", out var unknown) && unknown.ValueKind == JsonValueKind.String
            && tokenizer.TokenToId(unknown.GetString()!) is { } id1)
            kinds[id1] = TokenKind.Unknown;
        return kinds;
    }

    private static bool IsByte(string token) => token is ['<', '0', 'x', var high, var low, '>']
        && char.IsAsciiHexDigit(high) && char.IsAsciiHexDigit(low);

    // The format marks the beginning of words and not their continuation.
    private static string[] WordPieces(string[] tokens, TokenKind[] kinds) =>
        [.. tokens.Select((token, id) => kinds[id] != TokenKind.Normal ? token : token.StartsWith("##", StringComparison.Ordinal)
            ? token[2..] : "▁" + token)];
}
