using System.Text.Json;
using MergeTasks.Transformers.Tokenization.Models;

namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>Reads <c>model</c>.</summary>
internal static class ModelReader
{
    public static ITokenModel Read(JsonComponent component)
    {
        ITokenModel model = (component.OptionalString("type") ?? Guess(component)) switch
        {
            "BPE" => BpeReader.Read(component),
            "Unigram" => Unigram(component),
            "WordLevel" => new WordLevelModel(ReadVocabulary(component), component.String("unk_token")),
            "WordPiece" => new WordPieceModel(
                ReadVocabulary(component), component.String("unk_token"), component.String("continuing_subword_prefix"),
                component.Int("max_input_chars_per_word")),
            var type => throw component.Error(
                $"is the model '{type}', which is not supported; supported are BPE, Unigram, WordLevel and WordPiece"),
        };
        component.Done();
        return model;
    }

    public static Vocabulary ReadVocabulary(JsonComponent component)
    {
        var vocabulary = component.Required("vocab");
        if (vocabulary.ValueKind != JsonValueKind.Object) throw component.Error("needs an object of tokens and ids in 'vocab'");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var token in vocabulary.EnumerateObject())
            ids.Add(token.Name, component.AsInt("vocab", token.Value));

        if (ids.GroupBy(i => i.Value).FirstOrDefault(g => g.Count() > 1) is { } shared)
            throw component.Error(
                $"has tokens in 'vocab' that share the id {shared.Key}: '{string.Join("', '", shared.Select(i => i.Key))}'; ids must be "
                    + "unique");
        return new(ids);
    }

    /// <summary>Files of the format's first years do not say which model they hold; its fields do.</summary>
    private static string Guess(JsonComponent component) =>
        component.Optional("merges") is not null ? "BPE"
        : component.Optional("max_input_chars_per_word") is not null ? "WordPiece"
        : component.Required("vocab").ValueKind == JsonValueKind.Array ? "Unigram"
        : "WordLevel";

    private static UnigramModel Unigram(JsonComponent component)
    {
        var vocabulary = component.Required("vocab");
        if (vocabulary.ValueKind != JsonValueKind.Array) throw component.Error("needs a list of tokens and scores in 'vocab'");
        var pieces = new List<(string Token, double Score)>(vocabulary.GetArrayLength());
        foreach (var piece in vocabulary.EnumerateArray())
        {
            if (piece.ValueKind != JsonValueKind.Array || piece.GetArrayLength() != 2 || piece[1].ValueKind != JsonValueKind.Number)
                throw component.Error("needs a token and its score in every entry of 'vocab'");
            pieces.Add((component.AsString("vocab", piece[0]), ScoreReader.Read(piece[1].GetRawText())));
        }

        var unknown = component.OptionalInt("unk_id") ?? -1;
        if (unknown >= pieces.Count) throw component.Error($"has the unk_id {unknown}, but only {pieces.Count} tokens");
        return new(pieces, unknown, component.OptionalBool("byte_fallback") ?? false);
    }
}
