using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>Merges of some tensors; the others are the base's.</summary>
public sealed class SelectedTensors : IDisposable
{
    private readonly RecipeProject _project = new();
    private readonly Dictionary<string, RawTensor> _a;

    public SelectedTensors()
    {
        _a = _project.Decoder("a", 1, 3);
        _project.Decoder("b", 2, 3);
    }

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("merge_tensors: \"*.mlp.*\"", "mlp")]
    [InlineData("merge_tensors: [\"*.mlp.*\", \"lm_head.weight\"]", "mlp", "lm_head")]
    [InlineData("keep_tensors: [\"*.mlp.*\", \"*.self_attn.*\", \"*layernorm*\", \"model.norm.*\"]", "embed_tokens", "lm_head")]
    [InlineData("merge_tensors: \"model.layers.1.*\"\nkeep_tensors: [\"*.mlp.*\"]", "layers.1.input", "layers.1.self")]
    public void In_recipes(string selection, params string[] merged) =>
        AssertMerged(
            _project.Build(
                $"merge_method: linear\nmodels:\n  - {{model: models/a, parameters: {{weight: 1}}}}\n  - {{model: models/b, parameters: "
                    + $"{{weight: 1}}}}\n{selection}\n"), merged);

    [Theory]
    [InlineData("MergeTensors", "*.mlp.*", "mlp")]
    [InlineData("KeepTensors", "*.mlp.*; *.self_attn.*;*layernorm*;model.norm.*", "embed_tokens", "lm_head")]
    public void In_items(string metadata, string globs, params string[] merged)
    {
        _project.Space.Merge("m", ("Method", "task_arithmetic"), ("Base", "models/a"), (metadata, globs));
        _project.Space.Source("models/b", ("Weight", "0.5"));
        _project.Space.RunAll();
        AssertMerged(_project.Space.Result("m"), merged);
        var card = File.ReadAllText(Path.Combine(_project.Space.Output("m"), "README.md"));
        Assert.Contains(
            metadata == "MergeTensors" ? "merge_tensors: [\"*.mlp.*\"]" : "keep_tensors: [\"*.mlp.*\", ", card, StringComparison.Ordinal);
        Assert.True(_project.Space.State("m").IsFresh);
    }

    [Fact]
    public void Tensors_that_are_kept_have_the_output_type_too()
    {
        var result = _project.Build("""
            merge_method: linear
            models:
              - {model: models/a, parameters: {weight: 1}}
              - {model: models/b, parameters: {weight: 1}}
            keep_tensors: "*.mlp.*"
            dtype: bfloat16
            """);
        Assert.All(result, tensor => Assert.Equal("BF16", tensor.Value.DType));
        const string kept = "model.layers.1.mlp.down_proj.weight";
        Assert.Equal(RawTensor.BF16(_a[kept].Shape, _a[kept].Floats()).Bytes, result[kept].Bytes);
    }

    private void AssertMerged(Dictionary<string, RawTensor> result, string[] merged)
    {
        Assert.Equal(_a.Keys.Order(StringComparer.Ordinal), result.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, tensor) in result)
            Assert.Equal(merged.Any(part => name.Contains(part, StringComparison.Ordinal)), !tensor.Bytes.SequenceEqual(_a[name].Bytes));
    }
}
