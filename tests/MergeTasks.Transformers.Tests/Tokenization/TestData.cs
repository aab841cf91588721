using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Transformers.Tests.Tokenization;

/// <summary>The tokenizer files under Data, and small ones written in tests.</summary>
internal static class TestData
{
    public static IEnumerable<string> Names =>
        Directory.EnumerateFiles(Folder, "*.json").Select(p => Path.GetFileNameWithoutExtension(p)).Order();

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Tokenization", "Data");

    public static string PathOf(string name) => Path.Combine(Folder, name);

    public static Tokenizer Load(string name) => Tokenizer.Load(PathOf(name + ".json"));

    /// <summary>A file whose model makes one token of every word it knows: "a" 0, "b" 1, "?" 2 for all others.</summary>
    public static JsonObject Minimal() => JsonNode.Parse(
        """
        { "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
          "post_processor": null, "decoder": null,
          "model": { "type": "WordLevel", "vocab": { "a": 0, "b": 1, "?": 2 }, "unk_token": "?" } }
        """)!.AsObject();

    public static Tokenizer Parse(JsonNode file) => Tokenizer.Parse(JsonSerializer.SerializeToUtf8Bytes(file));

    /// <summary>The minimal file with one component replaced.</summary>
    public static Tokenizer With(string field, string json)
    {
        var file = Minimal();
        file[field] = JsonNode.Parse(json);
        return Parse(file);
    }
}
