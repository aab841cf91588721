using System.Text.Json.Nodes;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Adapters;

/// <summary>Merges whose output is an adapter: on the base they give what the models gave.</summary>
public sealed class MadeAdapters : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_proj";
    private const string Up = "model.layers.1.mlp.up_proj";
    private const string Embeddings = "model.embed_tokens";

    private readonly MergeWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public void A_weighted_sum_of_adapters_changes_models_by_the_weighted_sum(string normalize)
    {
        var (query, up, table) = (RandomTensors.F32(1, 30, 20), RandomTensors.F32(2, 8, 40), RandomTensors.F32(3, 25, 12));
        _workspace.Model("base", ($"{Query}.weight", query), ($"{Up}.weight", up), ($"{Embeddings}.weight", table));
        (string Name, RawTensor Tensor)[] x = [
            .. AdapterFolder.Linear(Query, 20, 4, 30, 20),
            ($"{Embeddings}.lora_embedding_A", RandomTensors.F32(40, 4, 25)),
            ($"{Embeddings}.lora_embedding_B", RandomTensors.F32(41, 12, 4))
        ];
        (string Name, RawTensor Tensor)[] y = [.. AdapterFolder.Linear(Query, 30, 3, 30, 20), .. AdapterFolder.Linear(Up, 50, 3, 8, 40)];
        AdapterFolder.Write(
            Path.Combine(_workspace.Folder, "adapters", "x"), new { r = 4, lora_alpha = 8, base_model_name_or_path = "org/base" }, x);
        AdapterFolder.Write(
            Path.Combine(_workspace.Folder, "adapters", "y"),
            new { r = 3, lora_alpha = 3, use_rslora = true, base_model_name_or_path = "org/base" },
            y);
        _workspace.Merge("sum", ("Method", "linear"), ("Normalize", normalize));
        _workspace.Source("adapters/x", ("Into", "sum"), ("Weight", "0.75"));
        _workspace.Source("adapters/y", ("Into", "sum"), ("Weight", "0.5"));
        _workspace.RunAll();
        Assert.Equal(
            ["README.md", "adapter_config.json", "adapter_model.safetensors", "merge.manifest.json"],
            FolderContent.Of(_workspace.Output("sum")).Keys.Except(["merge.provenance.json"]));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(_workspace.Output("sum"), "adapter_config.json")))!;
        Assert.Equal("org/base", (string)config["base_model_name_or_path"]!);
        Assert.Equal([Embeddings, Query, Up], config["target_modules"]!.AsArray().Select(module => (string)module!));
        Assert.True(_workspace.State("sum").IsFresh);

        var divisor = normalize == "true" ? 1.25 : 1;
        var result = Applied("sum");
        var expected = AdapterFolder.Fused(query, x[0].Tensor, x[1].Tensor, 0.75 / divisor * 2);
        var second = AdapterFolder.Fused(query, y[0].Tensor, y[1].Tensor, 0.5 / divisor * Math.Sqrt(3));
        AdapterFolder.AssertClose([.. expected.Select((value, i) => value + second[i] - query.Floats()[i])], result[$"{Query}.weight"]);
        AdapterFolder.AssertClose(AdapterFolder.Fused(up, y[2].Tensor, y[3].Tensor, 0.5 / divisor * Math.Sqrt(3)), result[$"{Up}.weight"]);
        AdapterFolder.AssertClose(
            AdapterFolder.Fused(table, x[2].Tensor, x[3].Tensor, 0.75 / divisor * 2, transposed: true), result[$"{Embeddings}.weight"]);
    }

    [Fact]
    public void Extracting_at_full_rank_gives_the_model_back()
    {
        (string, RawTensor)[] basis = Tensors(1);
        (string, RawTensor)[] tuned = [.. Tensors(100)[..^1], basis[^1]];
        _workspace.Model("base", basis);
        _workspace.Model("tuned", tuned);
        Extract("1000");
        _workspace.Run("x");
        var result = Applied("x");
        foreach (var (name, tensor) in tuned)
        {
            var (expected, actual) = (tensor.Floats(), result[name].Floats());
            for (var i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], actual[i], 2e-7f);
        }

        _workspace.Clear();
        _workspace.Merge("part", ("Method", "extract_lora"), ("Base", "models/base"), ("MergeTensors", "*.self_attn.*"));
        _workspace.Source("models/tuned");
        _workspace.Run("part");
        Assert.All(TestCheckpoint.Read(_workspace.Output("part")).Keys, name => Assert.Contains(Query, name, StringComparison.Ordinal));

        // The unchanged matrix is not in the adapter.
        Assert.DoesNotContain(TestCheckpoint.Read(_workspace.Output("x")).Keys, name => name.Contains("lm_head", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(120, 90)]
    [InlineData(50, 300)]
    public void A_change_of_low_rank_is_found_exactly(int rows, int columns)
    {
        var weight = RandomTensors.F32(1, rows, columns);
        var factors = AdapterFolder.Linear(Query, 20, 5, rows, columns);
        var fused = AdapterFolder.Fused(weight, factors[0].Tensor, factors[1].Tensor, 30);
        _workspace.Model("base", ($"{Query}.weight", weight));
        _workspace.Model("tuned", ($"{Query}.weight", RawTensor.F32([rows, columns], Array.ConvertAll(fused, value => (float)value))));
        Extract("5");
        _workspace.Run("x");
        var adapter = TestCheckpoint.Read(_workspace.Output("x"));
        Assert.Equal([5, columns], adapter[$"{AdapterFolder.Prefix}{Query}.lora_A.weight"].Shape);
        Assert.Equal([rows, 5], adapter[$"{AdapterFolder.Prefix}{Query}.lora_B.weight"].Shape);
        var result = Applied("x")[$"{Query}.weight"].Floats();
        for (var i = 0; i < result.Length; i++)
            Assert.Equal(fused[i], result[i], 1e-6);
    }

    [Fact]
    public void A_truncation_is_the_best_there_is()
    {
        // Δ = Σ σₖ·uₖ·vₖᵀ over cosines, which are orthogonal: the best error of rank r is the square root of the sum of the other σ².
        const int rows = 60;
        const int columns = 80;
        var values = Enumerable.Range(0, 40).Select(k => Math.Pow(0.8, k)).ToArray();
        var delta = new double[rows * columns];
        for (var k = 0; k < values.Length; k++)
        {
            for (var i = 0; i < rows; i++)
            {
                for (var j = 0; j < columns; j++)
                    delta[(i * columns) + j] += values[k] * Cosine(k, i, rows) * Cosine(k, j, columns);
            }
        }

        _workspace.Model("base", ($"{Query}.weight", RawTensor.F32([rows, columns], new float[rows * columns])));
        _workspace.Model("tuned", ($"{Query}.weight", RawTensor.F32([rows, columns], Array.ConvertAll(delta, value => (float)value))));
        Extract("6");
        _workspace.Run("x");
        var result = Applied("x")[$"{Query}.weight"].Floats();
        var error = Math.Sqrt(result.Select((value, i) => (value - delta[i]) * (value - delta[i])).Sum());
        var best = Math.Sqrt(values.Skip(6).Sum(value => value * value));
        Assert.InRange(error / best, 1 - 1e-4, 1 + 1e-4);

        static double Cosine(int k, int i, int count) =>
            Math.Sqrt((k == 0 ? 1.0 : 2.0) / count) * Math.Cos(Math.PI * k * (i + 0.5) / count);
    }

    [Fact]
    public void Models_that_store_inputs_first()
    {
        const string module = "transformer.h.0.attn.c_attn";
        var weight = RandomTensors.F32(1, 20, 48);
        _workspace.Model("base", ($"{module}.weight", weight));
        _workspace.Model("tuned", ($"{module}.weight", RandomTensors.F32(2, 20, 48)));
        foreach (var model in new[] { "base", "tuned" })
            File.WriteAllText(Path.Combine(_workspace.Folder, "models", model, "config.json"), """{"model_type": "gpt2"}""");
        Extract("20");
        _workspace.Run("x");
        Assert.Equal([20, 20], TestCheckpoint.Read(_workspace.Output("x"))[$"{AdapterFolder.Prefix}{module}.lora_A.weight"].Shape);
        Assert.Contains(
            "\"fan_in_fan_out\": true",
            File.ReadAllText(Path.Combine(_workspace.Output("x"), "adapter_config.json")),
            StringComparison.Ordinal);
        var (expected, actual) = (RandomTensors.Normal(2, 960), Applied("x")[$"{module}.weight"].Floats());
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 2e-7f);
    }

    [Fact]
    public void The_number_of_threads_does_not_show_and_only_what_changed_is_extracted_again()
    {
        _workspace.Model("base", ($"{Query}.weight", RandomTensors.F32(1, 130, 70)), ($"{Up}.weight", RandomTensors.F32(2, 60, 70)));
        _workspace.Model("tuned", ($"{Query}.weight", RandomTensors.F32(3, 130, 70)), ($"{Up}.weight", RandomTensors.F32(4, 60, 70)));
        Extract("[2, 7]");
        var results = new List<SortedDictionary<string, string>>();
        foreach (var threads in new[] { 1, 2, 5 })
        {
            _workspace.Threads = threads;
            _workspace.Run("x");
            results.Add(FolderContent.Of(_workspace.Output("x")));
            Directory.Delete(_workspace.Output("x"), recursive: true);
        }

        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
        _workspace.Run("x");
        Assert.True(_workspace.State("x").IsFresh);
        Assert.Equal([7, 70], TestCheckpoint.Read(_workspace.Output("x"))[$"{AdapterFolder.Prefix}{Up}.lora_A.weight"].Shape);
        _workspace.Model("tuned", ($"{Query}.weight", RandomTensors.F32(3, 130, 70)), ($"{Up}.weight", RandomTensors.F32(5, 60, 70)));
        Assert.Equal(2, _workspace.State("x").StaleTensorCount);
    }

    [Fact]
    public void A_merge_of_adapters_by_another_method_becomes_an_adapter_again()
    {
        _workspace.Model("base", ($"{Query}.weight", RandomTensors.F32(1, 30, 20)));
        foreach (var (name, seed) in new[] { ("x", 20), ("y", 30) })
            AdapterFolder.Write(
                Path.Combine(_workspace.Folder, "adapters", name),
                new { r = 2, lora_alpha = 40 },
                AdapterFolder.Linear(Query, seed, 2, 30, 20));
        _workspace.Merge("elected", ("Method", "ties"), ("Base", "models/base"), ("Density", "0.5"));
        _workspace.Source("adapters/x", ("Into", "elected"), ("Weight", "1"));
        _workspace.Source("adapters/y", ("Into", "elected"), ("Weight", "1"));
        _workspace.Merge("x", ("Method", "extract_lora"), ("Base", "models/base"), ("Rank", "20"));
        _workspace.Source("elected", ("Into", "x"));
        _workspace.RunAll();
        var (expected, actual) = (_workspace.Result("elected")[$"{Query}.weight"].Floats(), Applied("x")[$"{Query}.weight"].Floats());
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 2e-7f);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("out/x")]
    public void An_adapter_is_used_in_the_project_that_makes_it(string reference)
    {
        var (basis, tuned) = (RandomTensors.F32(1, 30, 20), RandomTensors.F32(2, 30, 20));
        _workspace.Model("base", ($"{Query}.weight", basis), ("model.norm.weight", RandomTensors.F32(3, 20)));
        _workspace.Model("tuned", ($"{Query}.weight", tuned), ("model.norm.weight", RandomTensors.F32(4, 20)));

        // Declared before it is made: the declarations alone give the order.
        _workspace.Merge("on-model", ("Method", "passthrough"));
        _workspace.Source("models/base", ("Into", "on-model"), ("Adapter", reference));
        Extract("20");
        _workspace.Merge("half", ("Method", "linear"), ("Base", "models/base"));
        _workspace.Source(reference, ("Into", "half"), ("Weight", "0.5"));
        _workspace.Source("models/base", ("Into", "half"), ("Weight", "0.5"));
        _workspace.Merge("again", ("Method", "extract_lora"), ("Base", "models/base"), ("Rank", "20"));
        _workspace.Source(reference, ("Into", "again"));
        File.WriteAllText(
            Path.Combine(_workspace.Folder, "recipe.yml"),
            $"merge_method: task_arithmetic\nbase_model: models/base\nmodels: [{{model: models/base+{reference}, parameters: {{weight: 0.5}}}}]\n");
        _workspace.Merge("recipe.yml");
        _workspace.RunAll();
        Check(1, tuned, _workspace.Result("on-model"));
        Assert.Equal(RandomTensors.F32(4, 20).Bytes, _workspace.Result("on-model")["model.norm.weight"].Bytes);
        Check(0.5, tuned, _workspace.Result("half"));
        Check(0.5, tuned, _workspace.Result("recipe"));
        Assert.True(_workspace.Result("again").ContainsKey($"{AdapterFolder.Prefix}{Query}.lora_A.weight"));
        Assert.All(_workspace.Plan(), state => Assert.True(state.IsFresh));

        var other = RandomTensors.F32(5, 30, 20);
        _workspace.Model("tuned", ($"{Query}.weight", other), ("model.norm.weight", RandomTensors.F32(4, 20)));
        Assert.All(_workspace.Plan(), state => Assert.False(state.IsFresh));
        _workspace.RunAll();
        Check(1, other, _workspace.Result("on-model"));

        void Check(double share, RawTensor wanted, Dictionary<string, RawTensor> result) => Assert.All(
            result[$"{Query}.weight"].Floats().Zip(basis.Floats(), wanted.Floats()),
            value => Assert.Equal(value.Second + (share * (value.Third - (double)value.Second)), value.First, 1e-6));
    }

    [Fact]
    public void A_sum_of_adapters_may_have_some_that_are_made_and_keeps_what_all_say_of_their_base()
    {
        _workspace.Model("base", ($"{Query}.weight", RandomTensors.F32(1, 30, 20)));
        _workspace.Model("tuned", ($"{Query}.weight", RandomTensors.F32(2, 30, 20)));
        File.WriteAllText(
            Path.Combine(_workspace.Folder, "models", "tuned", "config.json"),
            """{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}""");
        Extract("2");
        AdapterFolder.Write(
            Path.Combine(_workspace.Folder, "adapters", "y"), new { r = 3, lora_alpha = 3, task_type = "CAUSAL_LM" },
            AdapterFolder.Linear(Query, 30, 3, 30, 20));
        _workspace.Merge("sum", ("Method", "linear"), ("Normalize", "false"));
        _workspace.Source("x", ("Into", "sum"), ("Weight", "1"));
        _workspace.Source("adapters/y", ("Into", "sum"), ("Weight", "1"));
        _workspace.RunAll();
        Assert.Equal([5, 20], _workspace.Result("sum")[$"{AdapterFolder.Prefix}{Query}.lora_A.weight"].Shape);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(_workspace.Output("sum"), "adapter_config.json")))!;
        Assert.Equal("CAUSAL_LM", (string?)config["task_type"]);
    }

    private static (string Name, RawTensor Tensor)[] Tensors(int seed) =>
    [
        ($"{Query}.weight", RandomTensors.F32(seed, 30, 20)),
        ($"{Query}.bias", RandomTensors.F32(seed + 1, 30)),
        ($"{Up}.weight", RandomTensors.F32(seed + 2, 8, 40)),
        ($"{Embeddings}.weight", RandomTensors.F32(seed + 3, 25, 12)),
        ("model.norm.weight", RandomTensors.F32(seed + 4, 20)),
        ("lm_head.weight", RandomTensors.F32(seed + 5, 25, 12)),
    ];

    private void Extract(string rank)
    {
        _workspace.Merge("x", ("Method", "extract_lora"), ("Base", "models/base"), ("Rank", rank));
        _workspace.Source("models/tuned", ("Into", "x"));
    }

    // The base with the made adapter, in a workspace of its own that reads the folder as anybody's.
    private Dictionary<string, RawTensor> Applied(string adapter)
    {
        using var other = new MergeWorkspace();
        other.Merge("m", ("Method", "passthrough"));
        other.Source(Path.Combine(_workspace.Folder, "models", "base"), ("Adapter", _workspace.Output(adapter)));
        other.Run("m");
        return other.Result("m");
    }
}
