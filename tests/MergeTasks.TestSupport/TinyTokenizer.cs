using System.Text.Json.Nodes;

namespace MergeTasks.TestSupport;

/// <summary>Tokenizers of a few tokens, written as tokenizer.json.</summary>
internal static class TinyTokenizer
{
    /// <summary>Words divided by white space.</summary>
    /// <param name="words">Words by id; the first stands for unknown ones.</param>
    /// <param name="added">Added tokens and their ids.</param>
    public static string Words(string[] words, params (string Token, int Id)[] added) =>
        File("WordLevel", Table(words), new() { ["unk_token"] = words[0] }, added);

    /// <summary>Byte pairs over the letters of the tokens.</summary>
    /// <param name="tokens">Tokens by id.</param>
    /// <param name="merges">Pairs in order of rank.</param>
    /// <param name="added">Added tokens and their ids.</param>
    public static string Pairs(string[] tokens, string[] merges, params (string Token, int Id)[] added) =>
        File("BPE", Table(tokens), new() { ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)merge)]) }, added);

    public static string Unigram(string[] tokens, params (string Token, int Id)[] added) =>
        File("Unigram", new JsonArray([.. tokens.Select(token => (JsonNode)new JsonArray(token, -1.5))]), new() { ["unk_id"] = 0 }, added);

    private static JsonObject Table(string[] tokens) => new(tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id)));

    private static string File(string type, JsonNode vocab, JsonObject model, (string Token, int Id)[] added)
    {
        model["type"] = type;
        model["vocab"] = vocab;
        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray([.. added.Select(token => (JsonNode)new JsonObject
            {
                ["id"] = token.Id,
                ["content"] = token.Token,
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            })]),
            ["pre_tokenizer"] = new JsonObject { ["type"] = "WhitespaceSplit" },
            ["model"] = model,
        }.ToJsonString();
    }
}
