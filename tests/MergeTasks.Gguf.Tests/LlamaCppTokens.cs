using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MergeTasks.Gguf.Reading;
using MergeTasks.Gguf.Vocabularies;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Tokenization;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Gguf.Tests;

/// <summary>llama.cpp reads texts by the written vocabulary as the tokenizer does.</summary>
public sealed class LlamaCppTokens
{
    private static readonly string Folder =
        Path.Combine(RepositoryFolder.Root, "tests", "MergeTasks.Transformers.Tests", "Tokenization", "Data");

    // A longer run is a matter of environment: how many texts are drawn for each tokenizer from its fixture's words.
    private static readonly int Drawn =
        int.TryParse(Environment.GetEnvironmentVariable("MERGETASKS_GGUF_TEXTS"), out var count) ? count : 100;

    /// <summary>
    /// On all texts of a fixture, and on texts drawn from their words; but for a share on which the reader is known to differ: its pattern
    /// for GPT-4o at some words of capitals, its WordPiece at rare characters (U+0085, marks that combine, unassigned ones), its Unigram
    /// where divisions are equally good.
    /// Composing characters (NFC) is not the reader's to do.
    /// </summary>
    [Theory]
    [InlineData("llama3", 0)]
    [InlineData("qwen3", 0)]
    [InlineData("gpt2", 0)]
    [InlineData("o200k", 0.1)]
    [InlineData("digits", 0)]
    [InlineData("deepseek", 0)]
    [InlineData("bert-uncased", 0.15)]
    [InlineData("llama2", 0)]
    [InlineData("gemma", 0)]
    [InlineData("xlm-roberta", 0.15)]
    public void Are_the_tokenizers(string name, double share)
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, $"{name}.json")))!.AsObject();
        if (name is "llama2" or "gemma")
            AddAllMerges(json["model"]!.AsObject());
        using var folder = new TempFolder();
        File.WriteAllText(folder["tokenizer.json"], json.ToJsonString());
        var tokenizer = Tokenizer.Load(folder["tokenizer.json"]);
        var path = VocabularyFile.Write(folder, tokenizer);
        using var reader = new LlamaCpp(path);
        var lines = File.ReadLines(Path.Combine(Folder, $"{name}.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String).ToList();
        var texts = lines.ConvertAll(line => line.GetProperty("text").GetString()!);
        var all = texts.Concat(Draw(texts))
            .Select(text => name switch
            {
                "qwen3" => NormalizationForms.Normalize(text, compatibility: false, compose: true),

                // White space that SentencePiece's table leaves: the tokenizer divides texts there, the reader does not.
                "xlm-roberta" => Regex.Replace(text, "[\v\f\r\u0085\u1680\u2028\u2029\u202F]", " "),
                _ => text,
            }).ToList();

        // The vocabulary that is read from the file is the tokenizer again, where it is of a kind that is read.
        if (name is not ("bert-uncased" or "xlm-roberta"))
        {
            using var file = GgufFile.Open(path);
            var read = Tokenizer.Parse(VocabularyImport.Files(file)[0].Content, path);
            Assert.All(all, text => Assert.Equal(Ids(text), read.Encode(text, true, applyLengthRules: false)));
            Assert.All(texts, text => Assert.Equal(tokenizer.Decode(Ids(text), false), read.Decode(Ids(text), false)));
        }

        var different = all.Where(text => !Ids(text).SequenceEqual(reader.Tokenize(text, true))).ToList();
        Assert.True(
            different.Count <= share * all.Count,
            $"{different.Count} of {all.Count}: " + string.Join("\n", different.Take(8).Select(text =>
                $"{JsonSerializer.Serialize(text)}\n  {Show(tokenizer, Ids(text))}\n  {Show(tokenizer, reader.Tokenize(text, true))}")));

        // Where both differ and the fixture has the text, the reference's ids are the tokenizer's.
        var known = lines.Where(line => different.Contains(line.GetProperty("text").GetString()!)).ToList();
        Console.WriteLine($"{name}: {different.Count} of {all.Count} differ, {known.Count} of which have the reference's ids");
        foreach (var line in known)
        {
            var given = line.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32());
            Assert.Equal(given, tokenizer.Encode(line.GetProperty("text").GetString()!, line.GetProperty("special").GetBoolean()));
        }

        int[] Ids(string text) => tokenizer.Encode(text, true, applyLengthRules: false);
    }

    /// <summary>Names of pre-tokenizers that are read as one are one to llama.cpp.</summary>
    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen3")]
    [InlineData("gpt2")]
    [InlineData("o200k")]
    [InlineData("digits")]
    public void Are_alike_for_all_names_of_a_pre_tokenizer(string name)
    {
        using var folder = new TempFolder();
        File.Copy(Path.Combine(Folder, $"{name}.json"), folder["tokenizer.json"]);
        var path = VocabularyFile.Write(folder, Tokenizer.Load(folder["tokenizer.json"]));
        using var file = GgufFile.Open(path);
        var own = file.Text("tokenizer.ggml.pre")!;
        var texts = File.ReadLines(Path.Combine(Folder, $"{name}.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String)
            .Select(line => line.GetProperty("text").GetString()!).ToList();
        using var reader = new LlamaCpp(path);
        var expected = texts.ConvertAll(text => reader.Tokenize(text, false));
        Assert.ThrowsAny<Exception>(() => new LlamaCpp(path, preTokenizer: "unheard-of"));
        foreach (var other in PreTokenizers.Names.Where(other => other != own && PreTokenizers.Canonical(other) == own))
        {
            using var renamed = new LlamaCpp(path, preTokenizer: other);
            var ids = texts.ConvertAll(text => renamed.Tokenize(text, false));
            Assert.True(expected.Zip(ids).All(pair => pair.First.SequenceEqual(pair.Second)), other);
        }
    }

    private static IEnumerable<string> Draw(List<string> texts)
    {
        var random = new Random(texts.Count);
        var words = texts.SelectMany(text => text.Split(' ')).ToArray();
        for (var i = 0; i < Drawn; i++)
        {
            var some = Enumerable.Range(0, random.Next(1, 9)).Select(_ => words[random.Next(words.Length)]).ToList();
            yield return string.Join(random.Next(4) == 0 ? "" : " ", some);
        }
    }

    private static string Show(Tokenizer tokenizer, int[] ids) => string.Join(' ', ids.Select(id => tokenizer.IdToToken(id) ?? $"#{id}"));

    // As files have it that were made from a SentencePiece model: every way to join a piece, in the pieces' order.
    private static void AddAllMerges(JsonObject model)
    {
        var vocabulary = model["vocab"]!.AsObject().Select(pair => pair.Key).ToHashSet(StringComparer.Ordinal);
        var joined = model["merges"]!.AsArray()
            .Select(merge => merge is JsonArray two ? $"{two[0]}{two[1]}" : merge!.ToString().Replace(" ", "", StringComparison.Ordinal));
        var all = new JsonArray();
        foreach (var piece in joined.Distinct().ToList())
        {
            for (var at = 1; at < piece.Length; at++)
            {
                if (!char.IsLowSurrogate(piece[at]) && vocabulary.Contains(piece[..at]) && vocabulary.Contains(piece[at..]))
                    all.Add(new JsonArray(piece[..at], piece[at..]));
            }
        }

        model["merges"] = all;
    }
}
