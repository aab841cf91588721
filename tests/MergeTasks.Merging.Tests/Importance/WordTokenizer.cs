using System.Text.Json.Nodes;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>A tokenizer whose words are <c>w0</c>, <c>w1</c>, … with the ids 0, 1, …, so that tests say ids as text.</summary>
internal static class WordTokenizer
{
    public static void Write(string folder, int vocabulary)
    {
        var ids = new JsonObject();
        for (var id = 0; id < vocabulary; id++)
            ids[$"w{id}"] = id;
        var tokenizer = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray(),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "WhitespaceSplit" },
            ["post_processor"] = null,
            ["decoder"] = null,
            ["model"] = new JsonObject { ["type"] = "WordLevel", ["vocab"] = ids, ["unk_token"] = "w0" },
        };
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString());
    }

    public static string Text(IEnumerable<int> ids) => string.Join(' ', ids.Select(id => $"w{id}"));

    /// <summary>Texts of random words, one document a line.</summary>
    public static string Documents(int seed, int count, int length, int vocabulary)
    {
        var random = new Random(seed);
        return string.Join(
            "\n\n",
            Enumerable.Range(0, count).Select(_ => Text(Enumerable.Range(0, length).Select(_ => random.Next(3, vocabulary))))) + "\n";
    }
}
