using System.Text.Json.Nodes;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Tests.Vocabularies;

/// <summary>Models with different vocabularies: the output's tokens, and each row of its embeddings and head.</summary>
public sealed class MergedVocabularies : IDisposable
{
    private const int Width = 3;
    private const string Embeddings = "model.embed_tokens.weight";
    private const string Head = "lm_head.weight";

    // Row r of model m is (100·m + r) + 0, ¼, ½: a row tells where it comes from. Base: 0, a: 1, b: 2.
    private static readonly string[] BaseWords = ["?", "red", "green", "blue"];

    private readonly MergeWorkspace _workspace = new();

    public MergedVocabularies()
    {
        Model("base", 0, 8, TinyTokenizer.Words(BaseWords, ("<s>", 4)));
        Model("a", 1, 6, TinyTokenizer.Words(["?", "green", "red", "pink"], ("<chat>", 4), ("<s>", 5)));
        Model("b", 2, 9, TinyTokenizer.Words([.. BaseWords, "grey", "pink"], ("<s>", 6)));
    }

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void Union_with_a_task_vector_of_every_model()
    {
        // Base + 1·(a − base) + 2·(b − base).
        Merge("task_arithmetic", ("TokenizerSource", "union"));
        Assert.Equal(["?", "red", "green", "blue", "<s>", "pink", "<chat>", "grey"], Tokens());

        // Where only one has the token, it fills the others' rows and all deltas are zero; "pink" is in a and b but not in the base: their
        // mean.
        double pink = (103 + 205) / 2.0;
        AssertRows(
            From(0, 100, 200),
            From(1, 102, 201),
            From(2, 101, 202),
            From(3, 3, 203),
            From(4, 105, 206),
            pink + (103 - pink) + (2 * (205 - pink)),
            104,
            204);
        Assert.Equal(8, (int)Config()["vocab_size"]!);

        static double From(double own, double a, double b) => own + (a - own) + (2 * (b - own));
    }

    [Theory]
    [InlineData("""{"x": 1}""", """{"extra_special_tokens": ["<chat>", "<gone>"]}""", "extra_special_tokens", """["<chat>"]""")]
    [InlineData(
        """{"additional_special_tokens": ["<s>"]}""",
        """{"additional_special_tokens": ["<s>", {"content": "<chat>"}]}""",
        "additional_special_tokens",
        """["<s>",{"content":"<chat>"}]""")]
    [InlineData(
        """{"extra_special_tokens": ["<s>"]}""",
        """{"additional_special_tokens": ["<chat>"]}""",
        "extra_special_tokens",
        """["<s>","<chat>"]""")]
    [InlineData(
        """{"extra_special_tokens": {"image_token": "<s>"}}""",
        """{"extra_special_tokens": {"image_token": "pink", "chat_token": "<chat>", "other": "<gone>"}}""",
        "extra_special_tokens",
        """{"image_token":"<s>","chat_token":"<chat>"}""")]
    public void A_union_lists_the_special_tokens_of_all(string basis, string a, string key, string expected)
    {
        File.WriteAllText(Path.Combine(_workspace.Folder, "models", "base", "tokenizer_config.json"), basis);
        File.WriteAllText(Path.Combine(_workspace.Folder, "models", "a", "tokenizer_config.json"), a);
        Merge("task_arithmetic", ("TokenizerSource", "union"));
        var written = JsonNode.Parse(File.ReadAllText(Path.Combine(_workspace.Output("m"), "tokenizer_config.json")))!;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), written[key]), written.ToJsonString());
    }

    [Fact]
    public void The_base_s_vocabulary_keeps_its_padding()
    {
        Merge("task_arithmetic", ("TokenizerSource", "base"));
        Assert.Equal([.. BaseWords, "<s>"], Tokens());

        // Rows 5 to 7 are padding: a has none there but a token, b padding only in 7.
        AssertRows(0 + 100 + 400.0, 1 + 101 + 400, 2 + 99 + 400, 3 + 400, 4 + 101 + 404, 5, 6, 7 + 400);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(_workspace.Folder, "models", "base", "tokenizer.json")),
            File.ReadAllBytes(Path.Combine(_workspace.Output("m"), "tokenizer.json")));
        Assert.Equal(
            File.ReadAllText(Path.Combine(_workspace.Folder, "models", "base", "config.json")),
            File.ReadAllText(Path.Combine(_workspace.Output("m"), "config.json")));
    }

    [Fact]
    public void One_model_s_vocabulary()
    {
        Merge("linear", ("TokenizerSource", "models/a"), ("Normalize", "false"));
        Assert.Equal(["?", "green", "red", "pink", "<chat>", "<s>"], Tokens());

        // linear of a and b alone with weights 1 and 2; the base lends nothing but rows where b lacks a token.
        AssertRows(100 + 400, 101 + 404, 102 + 402, 103 + 410, 104 + 208, 105 + 412);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(_workspace.Folder, "models", "a", "tokenizer.json")),
            File.ReadAllBytes(Path.Combine(_workspace.Output("m"), "tokenizer.json")));
    }

    [Fact]
    public void Special_tokens_keep_their_meaning_in_another_vocabulary()
    {
        File.WriteAllText(
            Path.Combine(_workspace.Folder, "models", "base", "config.json"),
            """{"vocab_size": 8, "eos_token_id": [4, 2], "bos_token_id": null, "pad_token_id": 3, "text_config": {"bos_token_id": 1}}""");
        File.WriteAllText(
            Path.Combine(_workspace.Folder, "models", "base", "generation_config.json"), """{"eos_token_id": 4, "top_k": 4}""");
        Merge("linear", ("TokenizerSource", "models/a"));

        // <s>, green and red have other numbers in a's vocabulary; it has no blue.
        Assert.Equal(
            """{"torch_dtype": "float32","vocab_size": 6, "eos_token_id": [5, 1], "bos_token_id": null, "pad_token_id": 3, "text_config": {"bos_token_id": 2}}""", File.ReadAllText(Path.Combine(_workspace.Output("m"), "config.json")));
        Assert.Equal(
            """{"eos_token_id": 5, "top_k": 4}""", File.ReadAllText(Path.Combine(_workspace.Output("m"), "generation_config.json")));
        Merge("linear", ("TokenizerSource", "union"));
        Assert.Equal(
            """{"eos_token_id": 4, "top_k": 4}""", File.ReadAllText(Path.Combine(_workspace.Output("m"), "generation_config.json")));
    }

    [Fact]
    public void In_compatibility_mode_padding_is_dropped()
    {
        Merge("task_arithmetic", ("TokenizerSource", "base"), ("Compatibility", "mergekit"));
        AssertRows(0 + 100 + 400.0, 1 + 101 + 400, 2 + 99 + 400, 3 + 400, 4 + 101 + 404);
        Assert.Equal(5, (int)Config()["vocab_size"]!);
    }

    [Fact]
    public void Rows_are_padded_to_a_multiple_with_the_mean_of_the_tokens_rows()
    {
        _workspace.Merge(
            "m", ("Method", "passthrough"), ("Base", "models/base"), ("TokenizerSource", "models/a"), ("TokenizerPadToMultipleOf", "4"));
        _workspace.Source("models/a");
        _workspace.Run("m");
        AssertRows(100, 101, 102, 103, 104, 105, 6, 7);
        _workspace.Clear();
        _workspace.Merge("m", ("Method", "passthrough"), ("TokenizerSource", "base"), ("TokenizerPadToMultipleOf", "4"));
        _workspace.Source("models/a");
        _workspace.Run("m");
        AssertRows(100, 101, 102, 103, 104, 105, 102.5, 102.5);
        Assert.Equal(8, (int)Config()["vocab_size"]!);
    }

    [Fact]
    public void Rules_for_single_tokens()
    {
        File.WriteAllText(Path.Combine(_workspace.Folder, "m.yml"), """
            merge_method: linear
            base_model: models/base
            models:
              - {model: models/a, parameters: {weight: 1}}
              - {model: models/b, parameters: {weight: 2}}
            parameters: {normalize: false}
            tokenizer:
              source: base
              tokens:
                red: {source: models/b, force: true}
                pink: {source: models/a}
                <new>: {source: {kind: model_token, model: models/base, token: blue}}
                <seventh>: {source: {kind: model_token, model: models/b, token_id: 7}}
                <none>: {source: {kind: zero}}
            """);
        _workspace.Merge("m.yml");
        _workspace.Run("m");
        Assert.Equal([.. BaseWords, "<s>", "pink", "<new>", "<seventh>", "<none>"], Tokens());
        AssertRows(100 + 400, 201 + 402, 101 + 404, 3 + 406, 105 + 412, 103 + 410, 3 + 6, 207 + 414, 0);
        Assert.Contains("token_id: 7", File.ReadAllText(Path.Combine(_workspace.Output("m"), "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_tokens_with_more_padding_need_no_word()
    {
        Model("a", 1, 12, TinyTokenizer.Words(BaseWords, ("<s>", 4)));
        _workspace.Merge("m", ("Method", "linear"), ("Base", "models/base"));
        _workspace.Source("models/a", ("Weight", "1"));
        _workspace.Run("m");
        AssertRows(100, 101, 102, 103, 104, 105, 106, 107);
    }

    [Fact]
    public void In_compatibility_mode_rows_that_not_all_have_are_cut_off()
    {
        _workspace.Merge("m", ("Method", "linear"), ("Compatibility", "mergekit"), ("Normalize", "false"));
        foreach (var model in new[] { "base", "a", "b" })
            _workspace.Source("models/" + model, ("Weight", "1"));
        _workspace.Run("m");
        AssertRows([.. Enumerable.Range(0, 6).Select(row => 300.0 + (3 * row))]);
    }

    [Fact]
    public void A_tied_head_gives_the_embeddings_rows()
    {
        Model("a", 1, 6, TinyTokenizer.Words(["?", "green", "red", "pink"], ("<chat>", 4), ("<s>", 5)), hasHead: false);
        Merge("linear", ("TokenizerSource", "union"), ("Normalize", "false"));
        var result = _workspace.Result("m");
        Assert.Equal(101 + 404, result[Embeddings].Floats()[2 * Width]);
        Assert.Equal(101 + 1404, result[Head].Floats()[2 * Width]);
    }

    [Fact]
    public void Old_text_keeps_its_tokens_in_a_union_of_byte_pairs()
    {
        string[] letters = ["a", "b", "c", "d"];
        Model("base", 0, 7, TinyTokenizer.Pairs([.. letters, "ab", "cd"], ["a b", "c d"], ("<s>", 6)));
        Model("a", 1, 8, TinyTokenizer.Pairs([.. letters, "abcd", "abc", "bc"], ["b c"], ("<chat>", 7)));
        _workspace.Merge("m", ("Method", "linear"), ("Base", "models/base"), ("TokenizerSource", "union"));
        _workspace.Source("models/a", ("Weight", "1"));
        _workspace.Run("m");
        var before = Tokenizer.Load(Path.Combine(_workspace.Folder, "models", "base", "tokenizer.json"));
        var after = Tokenizer.Load(Path.Combine(_workspace.Output("m"), "tokenizer.json"));
        foreach (var text in new[] { "abcd", "abc abab dcba", "bcbc <s> abcd", "d<s>c" })
            Assert.Equal(before.Encode(text, addSpecialTokens: false), after.Encode(text, addSpecialTokens: false));
        Assert.Equal([4, 5, 10, 4], after.Encode("abcd<chat>ab", addSpecialTokens: false));
        Assert.Equal(["abcd", "abc", "bc", "<chat>"], Enumerable.Range(7, 4).Select(id => after.IdToToken(id)));
        AssertRows(100, 101, 102, 103, 4, 5, 6, 104, 105, 106, 107);
    }

    [Fact]
    public void Added_tokens_join_a_unigram_vocabulary()
    {
        Model("base", 0, 4, TinyTokenizer.Unigram(["?", "a", "b"], ("<s>", 3)));
        Model("a", 1, 5, TinyTokenizer.Unigram(["?", "a", "b"], ("<s>", 3), ("<chat>", 4)));
        _workspace.Merge("m", ("Method", "linear"), ("Base", "models/base"), ("TokenizerSource", "union"));
        _workspace.Source("models/a", ("Weight", "1"));
        _workspace.Run("m");
        Assert.Equal(
            [1, 4, 2], Tokenizer.Load(Path.Combine(_workspace.Output("m"), "tokenizer.json")).Encode("a<chat>b", addSpecialTokens: false));
        AssertRows(100, 101, 102, 103, 104);
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("ties")]
    public void The_number_of_threads_does_not_show(string method)
    {
        string[] words = [.. Enumerable.Range(0, 900).Select(i => $"w{i}")];
        string[] others = [.. words.Reverse().Skip(50), .. Enumerable.Range(0, 100).Select(i => $"v{i}")];
        _workspace.Model("base", (Embeddings, RandomTensors.BF16(1, 1000, 301)));
        _workspace.Model("a", (Embeddings, RandomTensors.BF16(2, 950, 301)));
        Tokenizer_("base", TinyTokenizer.Words(words));
        Tokenizer_("a", TinyTokenizer.Words(others));
        _workspace.Merge(
            "m", ("Method", method), ("Base", "models/base"), ("TokenizerSource", "union"), ("TokenizerPadToMultipleOf", "64"));
        _workspace.Source("models/a", ("Weight", "0.5"));
        var results = new List<byte[]>();
        foreach (var threads in new[] { 1, 2, 5 })
        {
            _workspace.Threads = threads;
            _workspace.Run("m");
            results.Add(_workspace.Result("m")[Embeddings].Bytes);
            Directory.Delete(_workspace.Output("m"), recursive: true);
        }

        Assert.Equal(1024 * 301 * 2, results[0].Length);
        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    [Fact]
    public void Only_what_depends_on_a_vocabulary_is_made_again()
    {
        Merge("task_arithmetic", ("TokenizerSource", "union"));
        Assert.True(_workspace.State("m").IsFresh);
        Tokenizer_("b", TinyTokenizer.Words([.. BaseWords, "grey", "brown"], ("<s>", 6)));
        Assert.Equal(2, _workspace.State("m").StaleTensorCount);
        _workspace.Run("m");
        Assert.Equal(["?", "red", "green", "blue", "<s>", "pink", "<chat>", "grey", "brown"], Tokens());
        Assert.True(_workspace.State("m").IsFresh);
    }

    [Fact]
    public void A_merge_of_a_merge_sees_the_new_vocabulary()
    {
        _workspace.Merge("second", ("Method", "passthrough"));
        _workspace.Source("m", ("Into", "second"));
        _workspace.Merge("m", ("Method", "linear"), ("Base", "models/base"), ("TokenizerSource", "union"));
        _workspace.Source("models/a", ("Into", "m"), ("Weight", "1"));
        _workspace.RunAll();
        Assert.Equal(
            FolderContent.Of(_workspace.Output("m"))["tokenizer.json"], FolderContent.Of(_workspace.Output("second"))["tokenizer.json"]);
        Assert.Equal(_workspace.Result("m")[Embeddings].Bytes, _workspace.Result("second")[Embeddings].Bytes);
        Assert.Contains("<chat>", File.ReadAllText(Path.Combine(_workspace.Output("second"), "tokenizer.json")), StringComparison.Ordinal);
    }

    // Weights 1 for a and 2 for b.
    private void Merge(string method, params (string Name, string Value)[] metadata)
    {
        _workspace.Clear();
        _workspace.Merge("m", [("Method", method), ("Base", "models/base"), .. metadata]);
        _workspace.Source("models/a", ("Weight", "1"));
        _workspace.Source("models/b", ("Weight", "2"));
        _workspace.Run("m");
    }

    private void Model(string name, int number, int rows, string tokenizer, bool hasHead = true)
    {
        List<(string, RawTensor)> tensors = [
            (Embeddings, Rows(100 * number, rows)), ("model.norm.weight", RawTensor.F32([Width], 1, 1, 1))
        ];
        if (hasHead)
            tensors.Add((Head, Rows((100 * number) + 500, rows)));
        _workspace.Model(name, [.. tensors]);
        File.WriteAllText(
            Path.Combine(_workspace.Folder, "models", name, "config.json"),
            $$"""{"model_type": "llama", "vocab_size": {{rows}}, "torch_dtype": "float32"}""");
        Tokenizer_(name, tokenizer);
    }

    private void Tokenizer_(string name, string tokenizer) =>
        File.WriteAllText(Path.Combine(_workspace.Folder, "models", name, "tokenizer.json"), tokenizer);

    private static RawTensor Rows(int first, int rows) =>
        RawTensor.F32(
            [rows, Width],
            [.. Enumerable.Range(0, rows).SelectMany(row => Enumerable.Range(0, Width).Select(column => first + row + (column / 4f)))]);

    private string[] Tokens()
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(_workspace.Output("m"), "tokenizer.json")))!;
        var ids = json["model"]!["vocab"]!.AsObject().Select(entry => ((string)entry.Key, (int)entry.Value!))
            .Concat(json["added_tokens"]!.AsArray().Select(entry => ((string)entry!["content"]!, (int)entry["id"]!)))
                .Distinct()
                .OrderBy(entry => entry.Item2)
                .ToList();
        Assert.Equal(Enumerable.Range(0, ids.Count), ids.Select(entry => entry.Item2));
        return [.. ids.Select(entry => entry.Item1)];
    }

    private JsonNode Config() => JsonNode.Parse(File.ReadAllText(Path.Combine(_workspace.Output("m"), "config.json")))!;

    // The first column of each row; the others follow by ¼ times the sum of weights, which rows of zeros do not have.
    private void AssertRows(params double[] expected)
    {
        var result = _workspace.Result("m")[Embeddings];
        Assert.Equal([expected.Length, Width], result.Shape);
        var floats = result.Floats();
        Assert.Equal(expected, Enumerable.Range(0, expected.Length).Select(row => (double)floats[row * Width]));
    }
}
