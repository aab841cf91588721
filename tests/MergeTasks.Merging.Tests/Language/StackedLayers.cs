using System.Text.Json.Nodes;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Tests.Methods;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>Outputs whose layers are stacked from slices of models.</summary>
public sealed class StackedLayers : IDisposable
{
    private readonly RecipeProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void Slices_passed_through_are_copies_under_new_numbers()
    {
        var (a, b) = (_project.Decoder("a", 1, 4), _project.Decoder("b", 2, 4));
        var result = _project.Build("""
            merge_method: passthrough
            slices:
              - sources: [{model: models/a, layer_range: [0, 3]}]
              - sources: [{model: models/b, layer_range: [1, 4]}]
              - sources: [{model: models/a, layer_range: [3, 4]}]
              - sources: [{model: models/b, layer_range: [3, 4]}]
            """);
        (Dictionary<string, RawTensor>, int)[] layers = [(a, 0), (a, 1), (a, 2), (b, 1), (b, 2), (b, 3), (a, 3), (b, 3)];
        Assert.Equal(3 + (3 * layers.Length), result.Count);
        for (var i = 0; i < layers.Length; i++)
        {
            var (model, layer) = layers[i];
            foreach (var (name, tensor) in model.Where(tensor => tensor.Key.StartsWith($"model.layers.{layer}.", StringComparison.Ordinal)))
                Assert.Equal(tensor.Bytes, result[name.Replace($"layers.{layer}.", $"layers.{i}.", StringComparison.Ordinal)].Bytes);
        }

        // What comes before the layers is the first slice's, what comes after them the last one's.
        Assert.Equal(a["model.embed_tokens.weight"].Bytes, result["model.embed_tokens.weight"].Bytes);
        Assert.Equal(b["model.norm.weight"].Bytes, result["model.norm.weight"].Bytes);
        Assert.Equal(b["lm_head.weight"].Bytes, result["lm_head.weight"].Bytes);
        Assert.Equal(layers.Length, (int)_project.Config()["num_hidden_layers"]!);
    }

    [Fact]
    public void Every_slice_has_its_own_gradient_and_merges_layer_with_layer()
    {
        var (a, b) = (_project.Decoder("a", 1, 4), _project.Decoder("b", 2, 6));
        var result = _project.Build("""
            merge_method: slerp
            base_model: models/a
            slices:
              - sources:
                  - {model: models/a, layer_range: [0, 3]}
                  - {model: models/b, layer_range: [2, 5]}
                parameters: {t: [0.1, 0.5, 0.7]}
              - sources:
                  - {model: models/b, layer_range: [5, 6]}
                  - {model: models/a, layer_range: [3, 4]}
                parameters:
                  t: [{filter: self_attn, value: [0.2, 0.9]}, {value: 0.25}]
            """);
        (int Own, int Other, double Attention, double Others)[] layers = [
            (0, 2, 0.1, 0.1), (1, 3, 0.5, 0.5), (2, 4, 0.7, 0.7), (3, 5, 0.9, 0.25)
        ];
        for (var i = 0; i < layers.Length; i++)
        {
            AssertSlerp(
                result,
                a,
                b,
                $"model.layers.{i}.",
                $"model.layers.{layers[i].Own}.",
                $"model.layers.{layers[i].Other}.",
                "self_attn.q_proj.weight",
                layers[i].Attention);
            AssertSlerp(
                result,
                a,
                b,
                $"model.layers.{i}.",
                $"model.layers.{layers[i].Own}.",
                $"model.layers.{layers[i].Other}.",
                "mlp.down_proj.weight",
                layers[i].Others);
        }

        // Tensors beside the layers lie at the beginning of the first slice's gradient and of the last one's.
        AssertSlerp(result, a, b, "", "", "", "model.embed_tokens.weight", 0.1);
        AssertSlerp(result, a, b, "", "", "", "lm_head.weight", 0.25);
    }

    [Fact]
    public void One_model_may_be_merged_with_other_layers_of_itself()
    {
        var a = _project.Decoder("a", 1, 4);
        var result = _project.Build("""
            merge_method: linear
            slices:
              - sources:
                  - {model: models/a, layer_range: [0, 2], parameters: {weight: 0.75}}
                  - {model: models/a, layer_range: [2, 4], parameters: {weight: 0.25}}
            """);
        foreach (var tensor in new[] { "input_layernorm.weight", "mlp.down_proj.weight", "self_attn.q_proj.weight" })
        {
            for (var layer = 0; layer < 2; layer++)
            {
                var expected = DoublePrecision.Linear(
                    [Doubles(a[$"model.layers.{layer}.{tensor}"]), Doubles(a[$"model.layers.{layer + 2}.{tensor}"])], [0.75, 0.25]);
                AssertNear(expected, result[$"model.layers.{layer}.{tensor}"]);
            }
        }

        Assert.Equal(a["lm_head.weight"].Bytes, result["lm_head.weight"].Bytes);
        Assert.Equal(9, result.Count);
    }

    [Fact]
    public void The_base_of_a_slice_is_the_first_source_that_is_it()
    {
        var a = _project.Decoder("a", 1, 4);
        var result = _project.Build("""
            merge_method: task_arithmetic
            base_model: models/a
            slices:
              - sources:
                  - {model: models/a, layer_range: [1, 2]}
                  - {model: models/a, layer_range: [2, 3], parameters: {weight: 0.5}}
                  - {model: models/a, layer_range: [3, 4], parameters: {weight: 0.25}}
            """);
        const string tensor = "mlp.down_proj.weight";
        var models = Enumerable.Range(0, 4).Select(i => Doubles(a[$"model.layers.{i}.{tensor}"])).ToArray();
        AssertNear(DoublePrecision.TaskArithmetic(models[1], [models[2], models[3]], [0.5, 0.25]), result[$"model.layers.0.{tensor}"]);
    }

    [Theory]
    [InlineData("llama-A")]
    [InlineData("mistral-A")]
    [InlineData("qwen2-A")]
    [InlineData("gpt2-A")]
    [InlineData("gpt_neox-A")]
    [InlineData("mixtral-A")]
    public void All_layers_in_order_are_the_model_itself_and_more_of_them_run(string golden)
    {
        var folder = _project.Golden(golden, "a");
        var count = (int)JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject().First(pair =>
            pair.Key is "num_hidden_layers" or "n_layer").Value!;
        _project.Build(
            $"merge_method: passthrough\nslices:\n  - sources: [{{model: models/a, layer_range: [0, 1]}}]\n  - sources: [{{model: "
                + $"models/a, layer_range: [1, {count}]}}]\n");
        Assert.Equal(RecipeProject.Logits(folder), RecipeProject.Logits(_project.Space.Output("recipe")));
        _project.Build(
            $"merge_method: passthrough\nslices:\n  - sources: [{{model: models/a, layer_range: [0, {count}]}}]\n  - sources: [{{model: "
                + $"models/a, layer_range: [{count - 1}, {count}]}}]\n");
        var logits = RecipeProject.Logits(_project.Space.Output("recipe"));
        Assert.All(logits, value => Assert.True(float.IsFinite(value)));
        Assert.NotEqual(RecipeProject.Logits(folder), logits);
    }

    [Fact]
    public void The_configuration_tells_of_the_new_layers()
    {
        const string config = """
            "layer_types": ["full", "sliding", "sliding", "full"], "max_window_layers": 2, "mlp_only_layers": [1, 3], "eos_token_id": [1, 2, 3, 4], "no_rope_layers": [1,1,0,1]
            """;
        _project.Decoder("a", 1, 4, config.Trim());
        _project.Decoder("b", 2, 4, config.Trim().Replace("sliding", "linear", StringComparison.Ordinal));
        _project.Build("""
            merge_method: passthrough
            slices:
              - sources: [{model: models/a, layer_range: [0, 2]}]
              - sources: [{model: models/b, layer_range: [1, 4]}]
            """);
        Assert.Equal(
            """{"model_type": "test", "num_hidden_layers": 5, "layer_types": ["full", "sliding", "linear", "linear", "full"], "max_window_layers": 3, "mlp_only_layers": [1, 2, 4], "eos_token_id": [1, 2, 3, 4], "no_rope_layers": [1, 1, 1, 0, 1]}""",
            File.ReadAllText(Path.Combine(_project.Space.Output("recipe"), "config.json"))
                .Replace("\"torch_dtype\": \"float32\",", "", StringComparison.Ordinal));
    }

    [Fact]
    public void A_nested_configuration_tells_of_the_new_layers_of_the_language_model_alone()
    {
        _project.Decoder("a", 1, 3);
        var config = Path.Combine(_project.Space.Folder, "models", "a", "config.json");
        File.WriteAllText(
            config,
            """{"torch_dtype": "float32", "text_config": {"num_hidden_layers": 3, "layer_types": ["x", "y", "z"]}, "vision_config": {"num_hidden_layers": 3, "layer_types": ["x", "y", "z"]}}""");
        _project.Build("merge_method: passthrough\nslices:\n  - sources: [{model: models/a, layer_range: [1, 3]}]\n");
        Assert.Equal(
            """{"torch_dtype": "float32", "text_config": {"num_hidden_layers": 2, "layer_types": ["y", "z"]}, "vision_config": {"num_hidden_layers": 3, "layer_types": ["x", "y", "z"]}}""",
            File.ReadAllText(Path.Combine(_project.Space.Output("recipe"), "config.json")));
    }

    [Fact]
    public void A_configuration_that_cannot_tell_is_warned_of()
    {
        _project.Decoder("a", 1, 4, "\"sliding_window_pattern\": 2");
        var plan = _project.Plan("merge_method: passthrough\nslices:\n  - sources: [{model: models/a, layer_range: [1, 4]}]\n");
        Assert.Contains("'sliding_window_pattern'", Assert.Single(plan.Layout.Warnings).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_project.Space.Folder, "models", "a", "config.json"), "{}");
        plan = _project.Plan("merge_method: passthrough\nslices:\n  - sources: [{model: models/a, layer_range: [1, 4]}]\n");
        Assert.Equal(("MTK2012", true), (Assert.Single(plan.Layout.Warnings).Code, plan.Layout.Warnings[0].IsWarning));
    }

    [Fact]
    public void Changing_one_slice_redoes_only_its_layers()
    {
        _project.Decoder("a", 1, 4);
        _project.Decoder("b", 2, 4);
        const string recipe = "merge_method: linear\nslices:\n  - sources:\n      - {model: models/a, layer_range: [0, 2], parameters: "
        + "{weight: 1}}\n      - {model: models/b, layer_range: [0, 2], parameters: {weight: WEIGHT}}\n"
            + "  - sources:\n      - {model: models/a, layer_range: [2, 4], parameters: {weight: 1}}\n";
        _project.Build(recipe.Replace("WEIGHT", "1", StringComparison.Ordinal));
        _project.Declare(recipe.Replace("WEIGHT", "2", StringComparison.Ordinal));
        var state = _project.Space.State("recipe");
        Assert.Equal(1 + (2 * 3), state.StaleTensorCount);
        Assert.Contains("weight: 1", state.Reasons[0], StringComparison.Ordinal);
        _project.Space.RunAll();
        Assert.True(_project.Space.State("recipe").IsFresh);
    }

    [Fact]
    public void Random_numbers_follow_the_reference_order_of_the_names_that_are_read()
    {
        // In compatibility mode one generator serves all tensors. Layer 2 of the models becomes layer 0 of the output, so a merge of the
        // slice must give what the merge of the whole models gives once both have drawn equally often before.
        var models = new[] { _project.Decoder("a", 1, 3), _project.Decoder("b", 2, 3) };
        const string tail = "dtype: float32\nparameters: {weight: 1, density: 0.5}\n";
        const string names =
            "  - sources:\n      - {model: models/a, layer_range: [RANGE]}\n      - {model: models/b, layer_range: [RANGE]}\n";
        var swapped = _project.Build(
            "merge_method: dare_linear\nbase_model: models/a\nslices:\n"
                + names.Replace("RANGE", "2, 3", StringComparison.Ordinal)
                + names.Replace("RANGE", "0, 2", StringComparison.Ordinal)
                + tail,
            "recipe", ("Compatibility", "mergekit"), ("Seed", "5"));
        var whole = _project.Build(
            "merge_method: dare_linear\nbase_model: models/a\nmodels:\n  - model: models/b\n" + tail,
            "recipe",
            ("Compatibility", "mergekit"),
            ("Seed", "5"));
        int[] layers = [2, 0, 1];
        Assert.Equal(models[0].Count, swapped.Count);
        foreach (var (name, tensor) in swapped)
        {
            var source = layers.Select((layer, i) => (layer, i))
                .Aggregate(
                    name,
                    (text, pair) =>
                        name.Contains($"layers.{pair.i}.", StringComparison.Ordinal)
                            ? name.Replace($"layers.{pair.i}.", $"layers.{pair.layer}.", StringComparison.Ordinal)
                            : text);
            Assert.Equal(whole[source].Bytes, tensor.Bytes);
        }
    }

    private static void AssertSlerp(
        Dictionary<string, RawTensor> result,
        Dictionary<string, RawTensor> a,
        Dictionary<string, RawTensor> b,
        string output,
        string first,
        string second,
        string tensor,
        double t) =>
        AssertNear(DoublePrecision.Slerp(Doubles(a[first + tensor]), Doubles(b[second + tensor]), t), result[output + tensor]);

    private static void AssertNear(double[] expected, RawTensor actual) =>
        Assert.All(expected.Zip(actual.Floats()), pair => Assert.Equal(pair.First, pair.Second, 1e-7));

    private static double[] Doubles(RawTensor tensor) => Array.ConvertAll(tensor.Floats(), value => (double)value);
}
