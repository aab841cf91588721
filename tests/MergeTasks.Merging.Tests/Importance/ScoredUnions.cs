using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>Scores of models with different vocabularies: they run with the output's, and rows that not all have are no change.</summary>
public sealed class ScoredUnions : IDisposable
{
    private const int Added = 3;
    private const string Embeddings = "model.embed_tokens.weight", Head = "lm_head.weight";

    private readonly ScoredProject _project = new();

    public ScoredUnions()
    {
        // 'a' knows three words more than its base, which its task uses.
        var tensors = TestCheckpoint.ReadFile(_project.Model("a"));
        foreach (var name in new[] { Embeddings, Head })
        {
            var (own, width) = (tensors[name], tensors[name].Shape[1]);
            tensors[name] = RawTensor.F32(
                [own.Shape[0] + Added, width], [.. own.Floats(), .. RandomTensors.Normal(name.Length, (int)width * Added, 0.5)]);
        }

        _project.Add("a", []);
        TestCheckpoint.WriteFile(_project.Model("a"), [.. tensors.Select(tensor => (tensor.Key, tensor.Value))]);
        var config = JsonNode.Parse(File.ReadAllText(_project.Model("a", "config.json")))!;
        config["vocab_size"] = _project.Vocabulary + Added;
        File.WriteAllText(_project.Model("a", "config.json"), config.ToJsonString());
        WordTokenizer.Write(Path.GetDirectoryName(_project.Model("a"))!, _project.Vocabulary + Added);
        File.WriteAllLines(_project.Data("a.jsonl"), Enumerable.Range(0, 4).Select(i => JsonSerializer.Serialize(new
        {
            prompt = WordTokenizer.Text([3 + i, _project.Vocabulary, 9, 20 + i]),
            target = " " + WordTokenizer.Text([_project.Vocabulary + 1, 7 + i]),
        })));
    }

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("task_arithmetic", "layer")]
    [InlineData("ties", "hidden")]
    public void Merge_as_models_that_were_given_one_vocabulary_before(string method, string level)
    {
        (string, string)[] settings =
        [
            ("Method", method), ("DType", "float32"), ("Apl", level), ("Aim", "0.4"), ("AimBlock", "16"),
            ("Calibration", "data/calibration.txt"), ("AplDensity", "0.2"),
            .. method == "ties" ? [("Density", "1")] : Array.Empty<(string, string)>(),
        ];
        _project.Space.Merge("m", [.. settings, ("Base", "models/base"), ("TokenizerSource", "union")]);
        foreach (var model in new[] { "a", "b" })
            _project.Space.Source("models/" + model, ("Weight", "0.7"), ("TaskData", $"data/{model}.jsonl"));
        _project.Run();
        var (merged, check) = (_project.Space.Result("m"), _project.Manifest()["importance"]!["check"]!.ToJsonString());
        Assert.Equal(_project.Vocabulary + Added, merged[Embeddings].Shape[0]);
        Assert.True(_project.Space.State("m").IsFresh);

        // The same in two steps: each model with the union's rows, then the merge of these.
        _project.Space.Clear();
        foreach (var (name, first) in new[] { ("base1", "base"), ("b1", "b") })
        {
            _project.Space.Merge(
                name, ("Method", "linear"), ("DType", "float32"), ("TokenizerSource", "union"), ("Normalize", "false"));
            _project.Space.Source("models/" + first, ("Into", name), ("Weight", "1"));
            _project.Space.Source("models/a", ("Into", name), ("Weight", "0"));
        }

        _project.Space.Merge("m", [.. settings, ("Base", "base1")]);
        _project.Space.Source("models/a", ("Into", "m"), ("Weight", "0.7"), ("TaskData", "data/a.jsonl"));
        _project.Space.Source("b1", ("Into", "m"), ("Weight", "0.7"), ("TaskData", "data/b.jsonl"));
        _project.Space.RunAll();
        var expected = _project.Space.Result("m");
        Assert.All(merged, tensor => Assert.Equal(expected[tensor.Key].Bytes, tensor.Value.Bytes));
        Assert.Equal(
            _project.Manifest()["importance"]!["check"]!.ToJsonString(), check.Replace("models/b", "b1", StringComparison.Ordinal));
    }

    [Fact]
    public void Rows_of_tokens_that_the_base_lacks_stay_as_the_method_merges_them()
    {
        // With rows of zeros in models that lack them, a change would be all of the row.
        var merged = new List<Dictionary<string, RawTensor>>();
        foreach (var apl in new[] { "", "apl: {levels: layer, density: 0.0001}\naim: {omega: 0, calibration: data/calibration.txt, block: 16}\n" })
        {
            File.WriteAllText(Path.Combine(_project.Space.Folder, "m.yml"), $$"""
                merge_method: task_arithmetic
                base_model: models/base
                dtype: float32
                models: [{model: models/a, parameters: {weight: 1}, task_data: data/a.jsonl}]
                tokenizer:
                  source: union
                  tokens:
                    w{{_project.Vocabulary}}: {source: {kind: zero} }
                merge_factor: {{(apl.Length > 0 ? 0.5 : 1)}}

                """ + apl);
            _project.Space.Clear();
            _project.Space.Merge("m.yml");
            _project.Run();
            merged.Add(_project.Space.Result("m"));
        }

        var (columns, own) = ((int)merged[0][Embeddings].Shape[1], _project.Vocabulary);
        foreach (var name in new[] { Embeddings, Head })
        {
            var (plain, scored) = (merged[0][name].Floats(), merged[1][name].Floats());
            Assert.Equal(plain[(own * columns)..], scored[(own * columns)..]);
            Assert.Contains(plain[(own * columns)..((own + 1) * columns)], value => value != 0);
            Assert.NotEqual(plain[..(own * columns)], scored[..(own * columns)]);
        }
    }

    [Fact]
    public void A_base_outside_of_the_vocabulary_is_refused()
    {
        _project.Space.Merge("m", ("Method", "linear"), ("ImportanceBase", "models/base"), ("TokenizerSource", "union"), ("Apl", "layer"));
        foreach (var model in new[] { "a", "b" })
            _project.Space.Source("models/" + model, ("Weight", "0.5"), ("TaskData", $"data/{model}.jsonl"));
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Run()).Diagnostics);
        Assert.Equal(DiagnosticCode.UnsuitableScoring, diagnostic.Code);
        Assert.Contains("Name it as Base", diagnostic.Message, StringComparison.Ordinal);
    }
}
