using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>Models that do not have all the same tensors.</summary>
public sealed class UnlikeModels : IDisposable
{
    private const string Linear =
        "merge_method: linear\nmodels:\n  - {model: models/a, parameters: {weight: 1}}\n  - {model: models/b, parameters: {weight: 1}}\n";

    private readonly RecipeProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void What_a_model_lacks_is_taken_from_the_base_and_told()
    {
        var a = _project.Decoder("a", 1, 3);
        var b = _project.Decoder("b", 2, 3);
        _project.Write(
            "b",
            """{"num_hidden_layers": 3}""",
            [
                .. b.Where(tensor => !tensor.Key.Contains("layers.1.mlp", StringComparison.Ordinal))
                    .Select(tensor => (tensor.Key, tensor.Value)), ("extra.weight", RandomTensors.F32(5, 3))
            ]);
        var result = _project.Build(Linear);
        Assert.Equal(a.Keys.Order(StringComparer.Ordinal), result.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(a["model.layers.1.mlp.down_proj.weight"].Bytes, result["model.layers.1.mlp.down_proj.weight"].Bytes);
        Assert.NotEqual(a["model.layers.2.mlp.down_proj.weight"].Bytes, result["model.layers.2.mlp.down_proj.weight"].Bytes);
        Assert.Equal(
            [
                "'models/b' lacks the tensor 'model.layers.1.mlp.down_proj.weight': taken from 'models/a' alone",
                "'models/b' has the tensor 'extra.weight' for which 'models/a' has no place: left out"
            ],
            _project.Space.State("recipe").Plan.Layout.Notes);
    }

    [Fact]
    public void Embeddings_of_another_length_are_the_base_s_with_a_warning_that_a_choice_silences()
    {
        var a = _project.Decoder("a", 1, 3);
        var b = _project.Decoder("b", 2, 3);
        _project.Write(
            "b",
            """{"num_hidden_layers": 3}""",
            [
                .. b.Select(tensor =>
                    (tensor.Key, tensor.Key.Contains("embed", StringComparison.Ordinal) ? RandomTensors.F32(7, 8, 4) : tensor.Value))
            ]);
        Assert.Equal(a["model.embed_tokens.weight"].Bytes, _project.Build(Linear)["model.embed_tokens.weight"].Bytes);
        var warning = Assert.Single(_project.Space.State("recipe").Plan.Layout.Warnings);
        Assert.Equal(("MTK3007", 4, true), (warning.Code, warning.Location!.Line, warning.IsWarning));
        Assert.Contains("[6, 4] in 'models/a' and [8, 4] in 'models/b'", warning.Message, StringComparison.Ordinal);
        Assert.Contains("tokenizer", warning.Message, StringComparison.Ordinal);
        Assert.Empty(_project.Plan(Linear + "keep_tensors: \"*embed_tokens*\"\n").Layout.Warnings);
    }

    /// <summary>
    /// Versions of transformers save the experts of one model one by one, or as stacks, and Mixtral's block by another name.
    /// </summary>
    [Theory]
    [InlineData("mlp", "gate_proj", "up_proj", "down_proj")]
    [InlineData("block_sparse_moe", "w1", "w3", "w2")]
    public void Experts_one_by_one_are_merged_with_stacks(string block, string gate, string up, string down)
    {
        const int experts = 3;
        var rest = _project.Decoder("rest", 1, 2);
        (string Name, RawTensor Tensor)[] singles = [
            .. Enumerable.Range(0, 2).SelectMany(layer => Enumerable.Range(0, experts).SelectMany(expert => new[]
            {
                (NameOf(layer, expert, gate), RandomTensors.F32(100 + 10 * layer + expert, 5, 4)),
                (NameOf(layer, expert, up), RandomTensors.F32(200 + 10 * layer + expert, 5, 4)),
                (NameOf(layer, expert, down), RandomTensors.F32(300 + 10 * layer + expert, 4, 5)),
            })),
            .. Enumerable.Range(0, 2).Select(layer => ($"model.layers.{layer}.{block}.gate.weight", RandomTensors.F32(400 + layer, 3, 4)))];
        (string Name, RawTensor Tensor)[] stacks = [
            .. Enumerable.Range(0, 2).SelectMany(layer => new[]
            {
                ($"model.layers.{layer}.mlp.experts.gate_up_proj", RandomTensors.F32(500 + layer, experts, 10, 4)),
                ($"model.layers.{layer}.mlp.experts.down_proj", RandomTensors.F32(600 + layer, experts, 4, 5)),
                ($"model.layers.{layer}.mlp.gate.weight", RandomTensors.F32(700 + layer, 3, 4)),
            })];
        const string config = """{"num_hidden_layers": 2}""";
        (string Name, RawTensor Tensor)[] others = [
            .. rest.Where(tensor => !tensor.Key.Contains(".mlp.", StringComparison.Ordinal)).Select(tensor => (tensor.Key, tensor.Value))];
        _project.Write("a", config, [.. others, .. singles]);
        _project.Write("b", config, [.. others, .. stacks]);
        var result = _project.Build(Linear);
        Assert.Equal(NamesOf(singles.Concat(others)), result.Keys.Order(StringComparer.Ordinal));
        var reverse = _project.Build(
            Linear.Replace("models/a", "x", StringComparison.Ordinal).Replace("models/b", "models/a", StringComparison.Ordinal)
                .Replace("{model: x", "{model: models/b", StringComparison.Ordinal));
        Assert.Equal(NamesOf(stacks.Concat(others)), reverse.Keys.Order(StringComparer.Ordinal));
        var a = singles.ToDictionary(tensor => tensor.Name, tensor => tensor.Tensor.Floats());
        var b = stacks.ToDictionary(tensor => tensor.Name, tensor => tensor.Tensor.Floats());
        for (var layer = 0; layer < 2; layer++)
        {
            var at = $"model.layers.{layer}.mlp";
            var (ups, downs) = ($"{at}.experts.gate_up_proj", $"{at}.experts.down_proj");
            Assert.Equal([experts, 10L, 4], reverse[ups].Shape);
            Assert.Equal([experts, 4L, 5], reverse[downs].Shape);
            Equal($"model.layers.{layer}.{block}.gate.weight", $"{at}.gate.weight", 0);
            for (var expert = 0; expert < experts; expert++)
            {
                Equal(NameOf(layer, expert, gate), ups, 40 * expert);
                Equal(NameOf(layer, expert, up), ups, (40 * expert) + 20);
                Equal(NameOf(layer, expert, down), downs, 20 * expert);
            }
        }

        string NameOf(int layer, int expert, string part) => $"model.layers.{layer}.{block}.experts.{expert}.{part}.weight";

        void Equal(string single, string stack, int first)
        {
            var expected = a[single].Zip(b[stack].Skip(first), (x, y) => (x + y) / 2).ToArray();
            Assert.Equal(expected, result[single].Floats());
            Assert.Equal(expected, reverse[stack].Floats().Skip(first).Take(expected.Length));
        }

        static IEnumerable<string> NamesOf(IEnumerable<(string Name, RawTensor Tensor)> tensors) =>
            tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal);
    }

    [Theory]
    [InlineData("language_model.model.", "language_model.lm_head.weight")]
    [InlineData("model.language_model.", "lm_head.weight")]
    [InlineData("", "")]
    public void A_language_model_within_another_is_merged_with_a_plain_one(string prefix, string head)
    {
        var plain = _project.Decoder("b", 2, 3);
        var inner = _project.Decoder("inner", 1, 3, "", prefix, head);
        (string, RawTensor)[] vision = [
            .. Enumerable.Range(0, 4).Select(i => ($"vision_tower.encoder.layers.{i}.w", RandomTensors.F32(100 + i, 3, 3))),
            ("multi_modal_projector.linear.weight", RandomTensors.F32(99, 4, 3))
        ];
        _project.Write(
            "a",
            """{"text_config": {"num_hidden_layers": 3}, "vision_config": {"num_hidden_layers": 4}}""",
            [.. inner.Select(tensor => (tensor.Key, tensor.Value)), .. prefix.Length > 0 ? vision : []]);
        var result = _project.Build(Linear);
        Assert.Equal(inner.Count + (prefix.Length > 0 ? vision.Length : 0), result.Count);
        foreach (var (name, tensor) in inner)
        {
            var other =
                plain[name.EndsWith("lm_head.weight", StringComparison.Ordinal) ? "lm_head.weight" : "model." + name[prefix.Length..]];
            Assert.Equal(tensor.Floats().Zip(other.Floats(), (x, y) => (x + y) / 2), result[name].Floats());
        }

        Assert.All(prefix.Length > 0 ? vision : [], tensor => Assert.Equal(tensor.Item2.Bytes, result[tensor.Item1].Bytes));

        // The other way round the output is a plain language model, without the images.
        var reverse = _project.Build(
            Linear.Replace("models/a", "x", StringComparison.Ordinal)
                .Replace("models/b", "models/a", StringComparison.Ordinal)
                .Replace("{model: x", "{model: models/b", StringComparison.Ordinal));
        Assert.Equal(plain.Keys.Order(StringComparer.Ordinal), reverse.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_tied_head_is_merged_with_a_stored_one_and_not_written_where_the_configuration_ties_it()
    {
        var a = _project.Decoder("a", 1, 2, "\"tie_word_embeddings\": false");
        var b = _project.Decoder("b", 2, 2, "\"tie_word_embeddings\": true", head: "");
        var untied = _project.Build(Linear);
        Assert.Equal(
            a["lm_head.weight"].Floats().Zip(b["model.embed_tokens.weight"].Floats(), (x, y) => (x + y) / 2),
            untied["lm_head.weight"].Floats());

        // A redundant copy in the base, as some libraries save it, is left out.
        var own = _project.Decoder("a", 1, 2, "\"tie_word_embeddings\": true");
        _project.Write(
            "a",
            """{"model_type": "test", "num_hidden_layers": 2, "tie_word_embeddings": true}""",
            [.. own.Select(pair => (pair.Key, pair.Key == "lm_head.weight" ? own["model.embed_tokens.weight"] : pair.Value))]);
        var tied = _project.Build(Linear);
        Assert.False(tied.ContainsKey("lm_head.weight"));
        Assert.Empty(_project.Space.State("recipe").Plan.Layout.Notes);
    }

    [Fact]
    public void Layers_that_only_predict_further_tokens_may_be_missing()
    {
        var a = _project.Decoder("a", 1, 3, "\"num_nextn_predict_layers\": 1");
        _project.Decoder("b", 2, 2);
        File.WriteAllText(
            Path.Combine(_project.Space.Folder, "models", "a", "config.json"),
            """{"num_hidden_layers": 2, "num_nextn_predict_layers": 1}""");
        var result = _project.Build(Linear);
        Assert.Equal(a["model.layers.2.mlp.down_proj.weight"].Bytes, result["model.layers.2.mlp.down_proj.weight"].Bytes);
    }

    [Fact]
    public void Experts_are_merged_one_by_one_and_the_result_runs()
    {
        var folder = _project.Golden("mixtral-A", "a");
        _project.Golden("mixtral-A", "b", seed: 3);
        var result = _project.Build(Linear);
        var (a, b) = (TestCheckpoint.Read(folder), TestCheckpoint.Read(Path.Combine(_project.Space.Folder, "models", "b")));
        var experts = result.Keys.Where(name => name.Contains(".experts.", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(experts);
        Assert.All(experts, name => Assert.Equal(a[name].Floats().Zip(b[name].Floats(), (x, y) => (x + y) / 2), result[name].Floats()));
        Assert.All(RecipeProject.Logits(_project.Space.Output("recipe")), value => Assert.True(float.IsFinite(value)));
    }
}
