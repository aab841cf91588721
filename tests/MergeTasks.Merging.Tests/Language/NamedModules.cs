using MergeTasks.Merging.Planning;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>Checkpoints of several parts, each merged by its own rules.</summary>
public sealed class NamedModules : IDisposable
{
    private readonly RecipeProject _project = new();
    private readonly Dictionary<string, RawTensor> _a;
    private readonly Dictionary<string, RawTensor> _b;

    public NamedModules() => (_a, _b) = (EncoderDecoder("a", 1), EncoderDecoder("b", 2));

    public void Dispose() => _project.Dispose();

    [Fact]
    public void Every_part_has_its_own_models_slices_and_settings()
    {
        var result = _project.Build("""
            merge_method: linear
            parameters: {weight: 1}
            modules:
              encoder:
                models:
                  - {model: models/a, parameters: {weight: [0, 1]}}
                  - {model: models/b, parameters: {weight: [1, 0]}}
              decoder:
                slices:
                  - sources: [{model: models/a, layer_range: [0, 2]}]
                  - sources:
                      - {model: models/a, layer_range: [1, 3]}
                      - {model: models/b, layer_range: [1, 3]}
            """);
        Assert.Equal(_b["encoder.block.0.layer.0.w"].Bytes, result["encoder.block.0.layer.0.w"].Bytes);
        Assert.Equal(_a["encoder.block.1.layer.0.w"].Bytes, result["encoder.block.1.layer.0.w"].Bytes);
        Assert.Equal(_a["decoder.block.0.layer.0.w"].Bytes, result["decoder.block.0.layer.0.w"].Bytes);
        Assert.Equal(_a["decoder.block.1.layer.0.w"].Bytes, result["decoder.block.1.layer.0.w"].Bytes);
        Assert.Equal(Mean("decoder.block.1.layer.0.w"), result["decoder.block.2.layer.0.w"].Floats());
        Assert.Equal(Mean("decoder.block.2.layer.0.w"), result["decoder.block.3.layer.0.w"].Floats());
        Assert.Equal(Mean("decoder.final_layer_norm.weight"), result["decoder.final_layer_norm.weight"].Floats());
        Assert.Equal(_a["shared.weight"].Bytes, result["shared.weight"].Bytes);
        Assert.Equal(
            """{"num_layers": 2, "num_decoder_layers": 4}""",
            _project.Config()
                .ToJsonString()
                .Replace("\"torch_dtype\":\"float32\",", "", StringComparison.Ordinal)
                .Replace(":", ": ", StringComparison.Ordinal)
                .Replace(",", ", ", StringComparison.Ordinal));
        Assert.Contains(
            "1 tensors of no module that the recipe names, such as 'shared.weight'",
            Assert.Single(_project.Space.State("recipe").Plan.Layout.Notes),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_gradient_runs_over_each_stack_by_itself()
    {
        var plan = _project.Plan(
            "merge_method: linear\nmodels:\n  - {model: models/a, parameters: {weight: [0, 1]}}\n  - {model: models/b, parameters: "
                + "{weight: 1}}\n");
        double Weight(string tensor) => plan.Tensors.Single(planned => planned.Output.Name == tensor).Context!.Inputs[0]["weight"];
        Assert.Equal([0, 1], new[] { 0, 1 }.Select(i => Weight($"encoder.block.{i}.layer.0.w")));
        Assert.Equal([0, 0.5, 1], new[] { 0, 1, 2 }.Select(i => Weight($"decoder.block.{i}.layer.0.w")));
    }

    [Fact]
    public void What_belongs_to_no_stack_is_the_part_default_or_named_by_its_prefix()
    {
        foreach (var name in new[] { "default", "shared" })
        {
            var result = _project.Build(
                $"merge_method: linear\nparameters: {{weight: 1}}\nmodules:\n  {name}: {{models: [{{model: models/a}}, {{model: "
                    + $"models/b}}]}}\n");
            Assert.Equal(Mean("shared.weight"), result["shared.weight"].Floats());
            Assert.Equal(_a["decoder.block.1.layer.0.w"].Bytes, result["decoder.block.1.layer.0.w"].Bytes);
            Assert.Equal(_a.Count, result.Count);
        }
    }

    [Theory]
    [InlineData("model.visual.", "model.language_model.", "text_decoder", "visual")]
    [InlineData("vision_tower.", "language_model.model.", "language_model", "vision_tower")]
    [InlineData("visual.", "model.", "text_decoder", "vision_encoder")]
    public void Vision_language_models_have_their_parts_under_any_names(string vision, string text, string textName, string visionName)
    {
        Dictionary<string, RawTensor> Model(string name, int seed)
        {
            var tensors = Enumerable.Range(0, 3).Select(i => ($"{vision}blocks.{i}.w", RandomTensors.F32(seed + i, 2, 2)))
                .Concat(Enumerable.Range(0, 2).Select(i => ($"{text}layers.{i}.w", RandomTensors.F32(seed + 10 + i, 2, 2))))
                    .Append(($"{text}embed_tokens.weight", RandomTensors.F32(seed + 20, 3, 2)))
                    .ToArray();
            _project.Write(name, """{"text_config": {"num_hidden_layers": 2}, "vision_config": {"depth": 3}}""", tensors);
            return tensors.ToDictionary(pair => pair.Item1, pair => pair.Item2);
        }

        var (a, b) = (Model("a", 1000), Model("b", 2000));
        var result = _project.Build($$"""
            merge_method: passthrough
            modules:
              {{textName}}:
                slices:
                  - sources: [{model: models/a, layer_range: [0, 2]}]
                  - sources: [{model: models/b, layer_range: [0, 2]}]
              {{visionName}}:
                models: [{model: models/b}]
            """);
        Assert.Equal(b[$"{vision}blocks.2.w"].Bytes, result[$"{vision}blocks.2.w"].Bytes);
        Assert.Equal(b[$"{text}layers.1.w"].Bytes, result[$"{text}layers.3.w"].Bytes);
        Assert.Equal(a[$"{text}embed_tokens.weight"].Bytes, result[$"{text}embed_tokens.weight"].Bytes);
        Assert.Equal(
            (4, 3), ((int)_project.Config()["text_config"]!["num_hidden_layers"]!, (int)_project.Config()["vision_config"]!["depth"]!));

        // Without 'modules', slices cut the language model, and the rest follows the first slice and the last one.
        var sliced = _project.Build("merge_method: passthrough\nslices:\n  - sources: [{model: models/a, layer_range: [1, 2]}]\n");
        Assert.Equal(a[$"{text}layers.1.w"].Bytes, sliced[$"{text}layers.0.w"].Bytes);
        Assert.Equal(3 + 1 + 1, sliced.Count);
    }

    private Dictionary<string, RawTensor> EncoderDecoder(string name, int seed)
    {
        var tensors = Enumerable.Range(0, 2)
            .Select(i => $"encoder.block.{i}.layer.0.w")
            .Concat(Enumerable.Range(0, 3).Select(i => $"decoder.block.{i}.layer.0.w"))
            .Concat(["encoder.final_layer_norm.weight", "decoder.final_layer_norm.weight", "shared.weight"])
                .Select((tensor, i) => (tensor, RandomTensors.F32((seed * 1000) + i, 2, 2)))
                .ToArray();
        _project.Write(name, """{"num_layers": 2, "num_decoder_layers": 3}""", tensors);
        return tensors.ToDictionary(pair => pair.tensor, pair => pair.Item2);
    }

    private IEnumerable<float> Mean(string tensor) => _a[tensor].Floats().Zip(_b[tensor].Floats(), (x, y) => (x + y) / 2);
}
