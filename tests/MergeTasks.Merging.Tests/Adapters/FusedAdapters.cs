using MergeTasks.Merging.Outputs;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Adapters;

/// <summary>A model with an adapter, as an input of merges, against W + s·B·A in double precision.</summary>
public sealed class FusedAdapters : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_proj";
    private const string Up = "model.layers.0.mlp.up_proj";
    private const string Embeddings = "model.embed_tokens";

    private readonly MergeWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("F32")]
    [InlineData("BF16")]
    [InlineData("F16")]
    public void Every_part_of_an_adapter(string dtype)
    {
        var (q, up, embeddings, bias, head) =
            (Tensor(dtype, 1, 70, 63), Tensor(dtype, 2, 5, 3001), Tensor(dtype, 3, 41, 24), Tensor(dtype, 4, 70), Tensor(dtype, 5, 41, 24));
        _workspace.Model(
            "base",
            ($"{Query}.weight", q),
            ($"{Query}.bias", bias),
            ($"{Up}.weight", up),
            ($"{Embeddings}.weight", embeddings),
            ("lm_head.weight", head),
            ("model.norm.weight", Tensor(dtype, 6, 24)));
        var (aq, bq) = (RandomTensors.F32(11, 4, 63), RandomTensors.F32(12, 70, 4));
        var (au, bu) = (RandomTensors.BF16(13, 2, 3001), RandomTensors.BF16(14, 5, 2));
        var (ae, be) = (RandomTensors.F32(15, 4, 41), RandomTensors.F32(16, 24, 4));
        var (newBias, newHead) = (RandomTensors.F32(17, 70), RandomTensors.F32(18, 41, 24));
        AdapterFolder.Write(
            Path.Combine(_workspace.Folder, "adapters", "x"),
            new
            {
                r = 4,
                lora_alpha = 16,
                rank_pattern = new { up_proj = 2 },
                alpha_pattern = new Dictionary<string, double>
                {
                    [@"layers\.\d+\.mlp\..*"] = 5
                },
                bias = "all",
                modules_to_save = new[] { "lm_head" }
            },
            ($"{Query}.lora_A.weight", aq), ($"{Query}.lora_B.weight", bq), ($"{Query}.base_layer.bias", newBias),
            ($"{Up}.lora_A.default.weight", au), ($"{Up}.lora_B.default.weight", bu),
            ($"{Embeddings}.lora_embedding_A", ae), ($"{Embeddings}.lora_embedding_B", be),
            ("lm_head.modules_to_save.default.weight", newHead));
        var result = Merged(dtype == "F32" ? null : dtype == "BF16" ? "bfloat16" : "float16");
        AdapterFolder.AssertClose(AdapterFolder.Fused(q, aq, bq, 16.0 / 4), result[$"{Query}.weight"]);
        AdapterFolder.AssertClose(AdapterFolder.Fused(up, au, bu, 5.0 / 2), result[$"{Up}.weight"]);
        AdapterFolder.AssertClose(AdapterFolder.Fused(embeddings, ae, be, 16.0 / 4, transposed: true), result[$"{Embeddings}.weight"]);
        AdapterFolder.AssertClose(Array.ConvertAll(newBias.Floats(), value => (double)value), result[$"{Query}.bias"]);
        AdapterFolder.AssertClose(Array.ConvertAll(newHead.Floats(), value => (double)value), result["lm_head.weight"]);
        Assert.Equal(Tensor(dtype, 6, 24).Bytes, result["model.norm.weight"].Bytes);
        Assert.All(result.Values, tensor => Assert.Equal(dtype, tensor.DType));
    }

    [Fact]
    public void Rank_stabilised_scales()
    {
        var weight = RandomTensors.F32(1, 30, 20);
        var factors = AdapterFolder.Linear(Query, 2, 9, 30, 20);
        _workspace.Model("base", ($"{Query}.weight", weight));
        AdapterFolder.Write(Path.Combine(_workspace.Folder, "adapters", "x"), new { r = 9, lora_alpha = 6, use_rslora = true }, factors);
        AdapterFolder.AssertClose(
            AdapterFolder.Fused(weight, factors[0].Tensor, factors[1].Tensor, 6.0 / 3), Merged(null)[$"{Query}.weight"]);
    }

    [Theory]
    [InlineData(48, 20)]
    [InlineData(20, 20)]
    public void Models_that_store_inputs_first(int outputs, int inputs)
    {
        const string module = "transformer.h.0.attn.c_attn";
        var weight = RandomTensors.F32(1, inputs, outputs);
        var factors = AdapterFolder.Linear(module, 2, 3, outputs, inputs);
        _workspace.Model("base", ($"{module}.weight", weight));
        AdapterFolder.Write(
            Path.Combine(_workspace.Folder, "adapters", "x"), new { r = 3, lora_alpha = 3, fan_in_fan_out = true }, factors);
        AdapterFolder.AssertClose(
            AdapterFolder.Fused(weight, factors[0].Tensor, factors[1].Tensor, 1, transposed: true), Merged(null)[$"{module}.weight"]);
    }

    [Fact]
    public void Module_names_without_what_the_model_puts_before_them()
    {
        var weight = RandomTensors.F32(1, 30, 20);
        var factors = AdapterFolder.Linear("layers.0.self_attn.q_proj", 2, 2, 30, 20);
        _workspace.Model("base", ($"{Query}.weight", weight), ("model.layers.1.self_attn.q_proj.weight", weight));
        AdapterFolder.Write(Path.Combine(_workspace.Folder, "adapters", "x"), new { r = 2, lora_alpha = 2 }, factors);
        var result = Merged(null);
        AdapterFolder.AssertClose(AdapterFolder.Fused(weight, factors[0].Tensor, factors[1].Tensor, 1), result[$"{Query}.weight"]);
        Assert.Equal(weight.Bytes, result["model.layers.1.self_attn.q_proj.weight"].Bytes);
    }

    [Theory]
    [InlineData("ties")]
    [InlineData("dare_ties")]
    [InlineData("task_arithmetic")]
    public void Merging_adapters_is_merging_the_models_that_they_make(string method)
    {
        var weight = RandomTensors.F32(1, 90, 80);
        _workspace.Model("base", ($"{Query}.weight", weight));
        foreach (var (name, seed) in new[] { ("x", 20), ("y", 30) })
        {
            var factors = AdapterFolder.Linear(Query, seed, 4, 90, 80);
            AdapterFolder.Write(Path.Combine(_workspace.Folder, "adapters", name), new { r = 4, lora_alpha = 8 }, factors);
            _workspace.Merge("fused-" + name, ("Method", "passthrough"));
            _workspace.Source("models/base", ("Into", "fused-" + name), ("Adapter", "adapters/" + name));
        }

        foreach (var (name, sources) in new[] { ("models", new[] { "fused-x", "fused-y" }), ("adapters", ["adapters/x", "adapters/y"]) })
        {
            _workspace.Merge(name, ("Method", method), ("Base", "models/base"), ("Density", "0.5"), ("Parameters", "lambda=0.9"));
            foreach (var source in sources)
                _workspace.Source(source, ("Into", name), ("Weight", "0.7"));
        }

        _workspace.RunAll();
        Assert.NotEqual(weight.Bytes, _workspace.Result("models")[$"{Query}.weight"].Bytes);
        Assert.Equal(_workspace.Result("models")[$"{Query}.weight"].Bytes, _workspace.Result("adapters")[$"{Query}.weight"].Bytes);
    }

    [Fact]
    public void An_adapter_on_the_base_and_on_another_merge()
    {
        var weight = RandomTensors.F32(1, 9, 8);
        var factors = AdapterFolder.Linear(Query, 20, 4, 9, 8);
        _workspace.Model("base", ($"{Query}.weight", weight));
        _workspace.Model("tuned", ($"{Query}.weight", RandomTensors.F32(2, 9, 8)));
        AdapterFolder.Write(Path.Combine(_workspace.Folder, "adapters", "x"), new { r = 4, lora_alpha = 4 }, factors);
        _workspace.Merge("first", ("Method", "task_arithmetic"), ("Base", "models/base"), ("BaseAdapter", "adapters/x"));
        _workspace.Source("models/tuned", ("Into", "first"), ("Weight", "0.5"));
        _workspace.Merge("second", ("Method", "passthrough"));
        _workspace.Source("first", ("Into", "second"), ("Adapter", "adapters/x"));
        _workspace.RunAll();
        var basis = AdapterFolder.Fused(weight, factors[0].Tensor, factors[1].Tensor, 1);
        var tuned = RandomTensors.Normal(2, 72);
        var first = _workspace.Result("first")[$"{Query}.weight"];
        AdapterFolder.AssertClose([.. basis.Zip(tuned, (b, t) => b + (0.5 * (t - b)))], first);
        AdapterFolder.AssertClose(
            AdapterFolder.Fused(first, factors[0].Tensor, factors[1].Tensor, 1), _workspace.Result("second")[$"{Query}.weight"]);
        Assert.Contains(
            "models/base+adapters/x", File.ReadAllText(Path.Combine(_workspace.Output("first"), "README.md")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("models/base+adapters/x")]
    [InlineData("{model: {path: models/base}, lora: {path: adapters/x}}")]
    [InlineData("adapters/x")]
    [InlineData("models/base+style")]
    public void Recipes(string reference)
    {
        var weight = RandomTensors.F32(1, 9, 8);
        var factors = AdapterFolder.Linear(Query, 20, 4, 9, 8);
        _workspace.Model("base", ($"{Query}.weight", weight));
        AdapterFolder.Write(Path.Combine(_workspace.Folder, "adapters", "x"), new { r = 4, lora_alpha = 4 }, factors);
        File.WriteAllText(
            Path.Combine(_workspace.Folder, "m.yml"),
            $"merge_method: task_arithmetic\nbase_model: models/base\nmodels:\n  - model: {reference}\n    parameters: {{weight: 0.5}}\n");
        _workspace.Merge("m.yml");
        if (reference.EndsWith("style", StringComparison.Ordinal))
            _workspace.Source("adapters/x", ("As", "style"));
        _workspace.Run("m");
        AdapterFolder.AssertClose(
            AdapterFolder.Fused(weight, factors[0].Tensor, factors[1].Tensor, 0.5), _workspace.Result("m")[$"{Query}.weight"]);
        Assert.True(_workspace.State("m").IsFresh);
    }

    [Fact]
    public void The_number_of_threads_does_not_show()
    {
        _workspace.Model("base", ($"{Query}.weight", RandomTensors.BF16(1, 1500, 700)));
        AdapterFolder.Write(
            Path.Combine(_workspace.Folder, "adapters", "x"), new { r = 4, lora_alpha = 8 }, AdapterFolder.Linear(Query, 20, 4, 1500, 700));
        AdapterFolder.Write(
            Path.Combine(_workspace.Folder, "adapters", "y"), new { r = 2, lora_alpha = 8 }, AdapterFolder.Linear(Query, 30, 2, 1500, 700));
        _workspace.Merge("m", ("Method", "ties"), ("Base", "models/base"), ("Density", "0.3"));
        _workspace.Source("adapters/x", ("Weight", "1"));
        _workspace.Source("adapters/y", ("Weight", "0.5"));
        var results = new List<byte[]>();
        foreach (var threads in new[] { 1, 2, 5 })
        {
            _workspace.Threads = threads;
            _workspace.Run("m");
            results.Add(_workspace.Result("m")[$"{Query}.weight"].Bytes);
            Directory.Delete(_workspace.Output("m"), recursive: true);
        }

        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    [Fact]
    public void A_changed_adapter_makes_only_what_it_changes_again()
    {
        var x = Path.Combine(_workspace.Folder, "adapters", "x");
        _workspace.Model(
            "base",
            ($"{Query}.weight", RandomTensors.F32(1, 9, 8)),
            ($"{Up}.weight", RandomTensors.F32(2, 9, 8)),
            ("model.norm.weight", RandomTensors.F32(3, 8)));
        var (query, up) = (AdapterFolder.Linear(Query, 20, 4, 9, 8), AdapterFolder.Linear(Up, 30, 4, 9, 8));
        AdapterFolder.Write(x, new { r = 4, lora_alpha = 4 }, [.. query, .. up]);
        _workspace.Merge("m", ("Method", "linear"));
        _workspace.Source("models/base", ("Adapter", "adapters/x"), ("Weight", "1"));
        _workspace.RunAll();
        Assert.True(_workspace.State("m").IsFresh);
        AdapterFolder.Write(
            x, new { r = 4, lora_alpha = 4 }, [query[0], ($"{Query}.lora_B.weight", RandomTensors.Changed(query[1].Tensor)), .. up]);
        Assert.Equal(1, _workspace.State("m").StaleTensorCount);
        Assert.Contains("'models/base+adapters/x' changed", _workspace.State("m").Reasons);
        _workspace.RunAll();
        AdapterFolder.Write(
            x, new { r = 4, lora_alpha = 8 }, [query[0], ($"{Query}.lora_B.weight", RandomTensors.Changed(query[1].Tensor)), .. up]);
        Assert.Equal(2, _workspace.State("m").StaleTensorCount);
        var before = _workspace.Result("m");
        _workspace.RunAll();
        Assert.NotEqual(before[$"{Up}.weight"].Bytes, _workspace.Result("m")[$"{Up}.weight"].Bytes);
        Assert.Equal(before["model.norm.weight"].Bytes, _workspace.Result("m")["model.norm.weight"].Bytes);
        Assert.Contains(x, PlanFootprint.PathsOf(_workspace.Plan().Select(state => state.Plan)));
    }

    private static RawTensor Tensor(string dtype, int seed, params long[] shape) => dtype switch
    {
        "F32" => RandomTensors.F32(seed, shape),
        "BF16" => RandomTensors.BF16(seed, shape),
        _ => RawTensor.F16(shape, RandomTensors.F32(seed, shape).Floats()),
    };

    private Dictionary<string, RawTensor> Merged(string? dtype)
    {
        _workspace.Merge("m", dtype is null ? [("Method", "passthrough")] : [("Method", "passthrough"), ("DType", dtype)]);
        _workspace.Source("models/base", ("Adapter", "adapters/x"));
        _workspace.Run("m");
        return _workspace.Result("m");
    }
}
