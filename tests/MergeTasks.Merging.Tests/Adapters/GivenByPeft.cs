using System.Text.Json.Nodes;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Adapters;

/// <summary>Adapters that PEFT 0.21 wrote and a model that its merge_and_unload made, on models that transformers 5.24 wrote.</summary>
public sealed class GivenByPeft : IDisposable
{
    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    [Fact]
    public void Embeddings_on_a_tied_model_give_what_peft_gives()
    {
        var result = Merged("embed-on-tied");
        var expected = TestCheckpoint.Read(PathOf("embed-on-tied", "peft"));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), result.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, tensor) in expected)
            Assert.All(tensor.Floats().Zip(result[name].Floats()), pair => Assert.Equal(pair.First, pair.Second, 1e-7));
        Assert.False((bool)Config()["tie_word_embeddings"]!);
    }

    [Fact]
    public void Two_equal_tables_on_a_tied_model_stay_tied()
    {
        var (result, adapter) = (Merged("tied-head"), TestCheckpoint.ReadFile(PathOf("tied-head", "adapter", "adapter_model.safetensors")));
        Assert.Equal(adapter[AdapterFolder.Prefix + "model.embed_tokens.weight"].Bytes, result["model.embed_tokens.weight"].Bytes);
        Assert.False(result.ContainsKey("lm_head.weight"));
        Assert.True((bool)Config()["tie_word_embeddings"]!);
    }

    [Fact]
    public void Names_of_modules_on_a_checkpoint_with_older_ones()
    {
        var (result, basis) = (Merged("vlm-names"), TestCheckpoint.Read(PathOf("vlm-names", "base")));
        var adapter = TestCheckpoint.ReadFile(PathOf("vlm-names", "adapter", "adapter_model.safetensors"));
        var other = basis.Keys.ToHashSet(StringComparer.Ordinal);
        foreach (var (module, stored) in new[]
        {
            ("model.language_model.layers.0.self_attn.q_proj", "language_model.model.layers.0.self_attn.q_proj.weight"),
            ("model.vision_tower.encoder.layers.0.self_attn.q_proj", "vision_tower.encoder.layers.0.self_attn.q_proj.weight"),
        })
        {
            var (a, b) = (adapter[$"{AdapterFolder.Prefix}{module}.lora_A.weight"], adapter[$"{AdapterFolder.Prefix}{module}.lora_B.weight"]);
            AdapterFolder.AssertClose(AdapterFolder.Fused(basis[stored], a, b, 4), result[stored]);
            Assert.True(other.Remove(stored));
        }

        Assert.All(other, name => Assert.Equal(basis[name].Bytes, result[name].Bytes));
    }

    [Fact]
    public void A_tall_matrix_is_extracted_exactly()
    {
        _space.Merge("m", ("Method", "extract_lora"), ("Base", PathOf("tall", "base")), ("Rank", "12"));
        _space.Source(PathOf("tall", "tuned"));
        _space.RunAll();
        var (basis, tuned, result) =
            (TestCheckpoint.Read(PathOf("tall", "base")), TestCheckpoint.Read(PathOf("tall", "tuned")), _space.Result("m"));
        var name = Assert.Single(basis.Keys);
        var module = AdapterFolder.Prefix + name[..^".weight".Length];
        var fused = AdapterFolder.Fused(basis[name], result[module + ".lora_A.weight"], result[module + ".lora_B.weight"], 1);
        var largest = tuned[name].Floats().Max(Math.Abs);
        Assert.All(fused.Zip(tuned[name].Floats()), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-6 * largest));
    }

    private Dictionary<string, RawTensor> Merged(string given)
    {
        _space.Merge("m", ("Method", "passthrough"));
        _space.Source(PathOf(given, "base"), ("Adapter", PathOf(given, "adapter")));
        _space.RunAll();
        return _space.Result("m");
    }

    private JsonNode Config() => JsonNode.Parse(File.ReadAllText(Path.Combine(_space.Output("m"), "config.json")))!;

    private static string PathOf(params string[] parts) => Path.Combine([AppContext.BaseDirectory, "Data", "peft", .. parts]);
}
