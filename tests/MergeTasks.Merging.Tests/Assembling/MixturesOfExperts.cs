using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Tests.Assembling;

/// <summary>Mixtures of experts from dense models: as the real tool makes them, and computing what they should.</summary>
public sealed class MixturesOfExperts : IDisposable
{
    private static readonly string Data = Path.Combine(AppContext.BaseDirectory, "Data", "mergekit");

    private static readonly int[] Tokens = [4, 17, 33, 5, 64, 3, 70];

    private readonly MergeWorkspace _space = new();

    public static TheoryData<string> Given =>
        [.. Directory.GetFiles(Path.Combine(Data, "moe", "recipes")).Select(path => Path.GetFileNameWithoutExtension(path)!).Order()];

    public void Dispose() => _space.Dispose();

    /// <summary>
    /// Outputs of mergekit-moe 0.1.5: all weights to the last bit. It runs the base in bf16, and routers follow from that.
    /// </summary>
    [Theory]
    [MemberData(nameof(Given))]
    public void Are_those_of_the_real_tool(string recipe)
    {
        _space.Merge(Recipe(recipe));
        _space.RunAll();
        var (result, given) = (_space.Result(recipe), Path.Combine(Data, "moe", "expected", recipe));
        var digests = JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(given, "digests.json")))!;
        var gates = TestCheckpoint.ReadFile(Path.Combine(given, "gates.safetensors"));
        Assert.Equal(digests.Keys.Concat(gates.Keys).Order(StringComparer.Ordinal), result.Keys.Order(StringComparer.Ordinal));
        Assert.All(digests, pair => Assert.Equal(
            pair.Value, $"{result[pair.Key].DType} {Convert.ToHexStringLower(SHA256.HashData(result[pair.Key].Bytes))}"));
        var tolerance = recipe.Contains("hidden", StringComparison.Ordinal) ? 6e-3
            : recipe.Contains("bf16", StringComparison.Ordinal) ? 2e-3 : 2e-7;
        foreach (var (name, gate) in gates)
        {
            Assert.Equal(gate.DType, result[name].DType);
            Assert.Equal(gate.Shape, result[name].Shape);
            Assert.All(gate.Floats().Zip(result[name].Floats()), pair => Assert.InRange(pair.First - pair.Second, -tolerance, tolerance));
        }
    }

    [Theory]
    [MemberData(nameof(Given))]
    public void Say_what_the_real_tools_configuration_says(string recipe)
    {
        _space.Merge(Recipe(recipe), ("GateMode", "random"));
        _space.RunAll();
        var own = Config(_space.Output(recipe));
        var given = JsonNode.Parse(File.ReadAllText(Path.Combine(Data, "moe", "expected", recipe, "config.json")))!.AsObject();

        // Of DeepSeek it writes out what transformers would take anyway, and where the model came from.
        string[] defaults = [
            "output_hidden_states", "return_dict", "chunk_size_feed_forward", "is_encoder_decoder", "id2label", "label2id", "problem_type",
            "_name_or_path", "output_attentions", "torch_dtype"
        ];
        Assert.All(given.Where(member => !defaults.Contains(member.Key)), member =>
            Assert.True(JsonNode.DeepEquals(member.Value, own[member.Key]), $"{member.Key}: {member.Value} and {own[member.Key]}"));
    }

    /// <summary>Experts that are all the base compute what the base does, however a token is routed.</summary>
    [Theory]
    [InlineData("llama-f32-base", "auto", "stacked", false, "mixtral")]
    [InlineData("llama-f32-base", "mixtral", "separate", false, "mixtral")]
    [InlineData("qwen3-f32-base", "auto", "stacked", false, "qwen3_moe")]
    [InlineData("qwen3-f32-base", "auto", "separate", false, "qwen3_moe")]
    [InlineData("qwen2", "auto", "stacked", true, "qwen2_moe")]
    [InlineData("llama-f32-base", "auto", "stacked", true, "deepseek")]
    [InlineData("llama-f32-base", "auto", "separate", true, "qwen2_moe")]
    [InlineData("qwen3-f32-base", "qwen", "stacked", false, "qwen3_moe")]
    [InlineData("llama-f32-base", "deepseek", "stacked", false, "deepseek")]
    public void Of_the_base_alone_compute_what_it_does(string model, string architecture, string tensors, bool isShared, string type)
    {
        var folder = model == "qwen2" ? WithBiases("llama-f32-base") : Path.Combine(Data, "models", model);
        _space.Merge("m", ("Method", "moe"), ("Base", folder), ("MixtureArchitecture", architecture), ("ExpertTensors", tensors));
        _space.Source(folder, ("PositivePrompts", "abc; the cat"), ("NegativePrompts", "zz"));
        _space.Source(folder, ("PositivePrompts", "12"));
        _space.Source(folder, ("PositivePrompts", "x y"));
        if (isShared)
            _space.Source(folder, ("SharedExpert", "true"), ("ResidualScale", "0"), ("PositivePrompts", type == "qwen2_moe" ? "a" : ""));
        _space.RunAll();
        Assert.Equal(type, (string?)Config(_space.Output("m"))["model_type"]);
        var (expected, actual) = (Logits(folder), Logits(_space.Output("m")));
        Assert.All(expected.Zip(actual), pair => Assert.InRange(pair.First - pair.Second, -1e-5, 1e-5));
    }

    [Fact]
    public void Send_a_prompts_tokens_to_its_expert()
    {
        // Of two models with the same router rows but for the order, the experts change places.
        var (a, b) = (Model("a"), Model("b"));
        Declare("ab", (a, "abc def"), (b, "12 34"));
        Declare("ba", (b, "12 34"), (a, "abc def"));
        _space.RunAll();
        Assert.All(
            Logits(_space.Output("ab")).Zip(Logits(_space.Output("ba"))),
            pair => Assert.InRange(pair.First - pair.Second, -1e-5, 1e-5));
        Assert.Contains(Logits(_space.Output("ab")).Zip(Logits(Model("base"))), pair => Math.Abs(pair.First - pair.Second) > 1e-3);
    }

    [Fact]
    public void Are_made_anew_only_where_a_prompt_decides()
    {
        Declare("m", (Model("a"), "abc def"), (Model("b"), "12 34"));
        _space.RunAll();
        Assert.True(_space.State("m").IsFresh);
        var scores = Scores();
        _space.Clear();
        Declare("m", (Model("a"), "abc def"), (Model("b"), "x y"));
        Assert.Equal(4, _space.State("m").StaleTensorCount);
        _space.RunAll();
        Assert.Equal(scores + 1, Scores());

        int Scores() => Directory.GetFiles(_space.Cache, "*", SearchOption.AllDirectories)
            .Count(path => File.ReadAllText(path).Contains("hidden states of prompts", StringComparison.Ordinal));
    }

    [Fact]
    public void Say_the_same_as_items_as_in_a_recipe_and_in_the_recipe_that_they_leave()
    {
        Declare("m", (Model("a"), "abc def;the cat"), (Model("b"), "12 34"));
        _space.RunAll();
        var card = File.ReadAllText(Path.Combine(_space.Output("m"), "README.md"));
        var recipe = Path.Combine(_space.Folder, "again.yml");
        File.WriteAllText(recipe, card.Split("```yaml\n")[1].Split("```")[0]);
        var digest = _space.State("m").Plan.TensorsDigest;
        _space.Clear();
        _space.Merge(recipe);
        Assert.Equal(digest, _space.State("again").Plan.TensorsDigest);
    }

    [Theory]
    [InlineData("hidden_avg")]
    [InlineData("hidden_last")]
    public void Are_routed_by_the_states_of_all_tokens_or_the_last(string mode)
    {
        var recipe = Path.Combine(_space.Folder, "r.yml");
        File.WriteAllText(recipe, $"""
            base_model: {Model("base")}
            gate_mode: {mode}
            experts:
            - source_model: {Model("a")}
              positive_prompts: ["the cat"]
            - source_model: {Model("b")}
              positive_prompts: ["12"]
              negative_prompts: ["zz"]
            """);
        _space.Merge(recipe);
        _space.RunAll();
        var states = new States();
        using (var model = new CpuEngine(new EngineOptions { Threads = 1 }).Load(Model("base")))
        {
            var tokenizer = MergeTasks.Transformers.Tokenization.Tokenizer.Load(Path.Combine(Model("base"), "tokenizer.json"));
            model.Observe(TokenBatch.Of(tokenizer.Encode("<s>the cat", addSpecialTokens: false)), states);
        }

        var wanted = mode == "hidden_last" ? states.Rows[^1]
            : [.. Enumerable.Range(0, 32).Select(column => states.Rows.Average(row => row[column]))];
        var length = Math.Sqrt(wanted.Sum(value => value * value));
        var gate = _space.Result("r")["model.layers.2.mlp.gate.weight"].Floats()[..32];
        Assert.All(wanted.Zip(gate), pair => Assert.Equal(pair.First / length, pair.Second, 1e-5));
    }

    [Fact]
    public void Get_noise_and_factors_that_are_asked_for_and_the_bases_type()
    {
        var recipe = Path.Combine(_space.Folder, "r.yml");
        File.WriteAllText(recipe, $$"""
            base_model: {{Path.Combine(Data, "models", "llama-bf16-base")}}
            gate_mode: uniform_random
            experts:
            - {source_model: {{Model("a")}}, residual_scale: 0.5}
            - {source_model: {{Model("a")}}, noise_scale: 0.1}
            - {source_model: {{Model("a")}}, noise_scale: 0.1}
            """);
        _space.Merge(recipe);
        _space.RunAll();
        var (made, source) = (_space.Result("r"), TestCheckpoint.Read(Model("a")));
        Assert.All(made.Values, tensor => Assert.Equal("BF16", tensor.DType));
        var (down, own) = (made["model.layers.1.mlp.experts.down_proj"].Floats(), source["model.layers.1.mlp.down_proj.weight"].Floats());
        Assert.All(own.Zip(down), pair => Assert.Equal(pair.First / 2, pair.Second, MathF.Abs(pair.First) / 256));
        var noise = new[] { 1, 2 }.Select(expert => own.Select((value, i) => down[(expert * own.Length) + i] - value).ToArray()).ToList();
        Assert.All(noise, numbers =>
        {
            Assert.InRange(Math.Sqrt(numbers.Average(value => value * value)), 0.09, 0.11);
            Assert.InRange(numbers.Average(), -0.01, 0.01);
        });
        Assert.InRange(noise[0].Zip(noise[1]).Average(pair => pair.First * pair.Second), -0.001, 0.001);
        var router = made["model.layers.0.mlp.gate.weight"].Floats();
        Assert.All(router, value => Assert.InRange(Math.Abs(value), 0, 1 / Math.Sqrt(32)));
        Assert.InRange(Math.Sqrt(router.Average(value => value * value)), 0.08, 0.13);
    }

    [Fact]
    public void Take_merges_and_adapters_as_experts_and_are_inputs_of_other_merges()
    {
        var adapter = Path.Combine(Data, "models", "lora0-bf16");
        var model = Path.Combine(Data, "models", "llama-bf16-base");
        _space.Merge("mean", ("Method", "linear"), ("Weight", "0.5"));
        _space.Source(model, ("Into", "mean"));
        _space.Source(Path.Combine(Data, "models", "llama-bf16-a"), ("Into", "mean"));
        _space.Merge("m", ("Method", "moe"), ("Base", model), ("GateMode", "random"), ("Seed", "7"));
        _space.Source("mean", ("Into", "m"));
        _space.Source(model, ("Into", "m"), ("Adapter", adapter));
        _space.Merge("half", ("Method", "passthrough"), ("Parameters", "scale=0.5"));
        _space.Source("m", ("Into", "half"));
        _space.RunAll();
        var (mixture, mean) = (_space.Result("m"), _space.Result("mean"));
        var expert = mixture["model.layers.2.mlp.experts.down_proj"].Floats();
        Assert.Equal(mean["model.layers.2.mlp.down_proj.weight"].Floats(), expert[..(expert.Length / 2)]);
        Assert.Equal(
            expert.Select(value => value / 2), _space.Result("half")["model.layers.2.mlp.experts.down_proj"].Floats());
        var router = mixture["model.layers.0.mlp.gate.weight"].Floats();
        Assert.InRange(Math.Sqrt(router.Average(value => value * value)), 0.012, 0.03);
    }

    [Theory]
    [InlineData("llama-f32-base", "auto", "", "MTK1017")]
    [InlineData("llama-f32-base", "qwen3", "abc", "MTK4040")]
    [InlineData("llama-bf16-base", "deepseek2", "abc", "MTK1003")]
    public void Are_refused(string model, string architecture, string prompts, string code)
    {
        _space.Merge("m", ("Method", "moe"), ("Base", Path.Combine(Data, "models", model)), ("MixtureArchitecture", architecture));
        _space.Source(Path.Combine(Data, "models", model), ("PositivePrompts", prompts));
        _space.Source(Path.Combine(Data, "models", "llama-f32-a"), ("PositivePrompts", "x"));
        Assert.Contains(code, Refusal().Select(diagnostic => $"{diagnostic.Code}"));
    }

    [Fact]
    public void Need_feed_forward_parts_of_one_shape()
    {
        var narrow = Path.Combine(_space.Folder, "narrow");
        Directory.CreateDirectory(narrow);
        File.Copy(Path.Combine(Model("a"), "config.json"), Path.Combine(narrow, "config.json"));
        var tensors = TestCheckpoint.Read(Model("a"));
        tensors["model.layers.1.mlp.up_proj.weight"] = RawTensor.F32([47, 32], new float[47 * 32]);
        TestCheckpoint.WriteFile(Path.Combine(narrow, "model.safetensors"), [.. tensors.Select(pair => (pair.Key, pair.Value))]);
        Declare("m", (Model("a"), "x"), (narrow, "y"));
        var message = Assert.Single(Refusal());
        Assert.Equal("MTK3007", $"{message.Code}");
        Assert.Contains("model.layers.1.mlp.up_proj.weight", message.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("experts: 3", "MTK2")]
    [InlineData("experts:\n- {positive_prompts: [a]}", "MTK2")]
    [InlineData("experts:\n- {source_model: a, positive_prompts: [a], noise_scale: -1}\n- {source_model: b, positive_prompts: [b]}", "MTK")]
    [InlineData("experts:\n- {source_model: a, positive_prompts: [a]}\n- {source_model: b, positive_prompts: [a]}", "MTK1017")]
    [InlineData(
        "experts:\n- {source_model: a, positive_prompts: [a]}\n- {source_model: b, positive_prompts: [b]}\n"
            + "shared_experts: [{source_model: a}, {source_model: b}]", "MTK1")]
    [InlineData("experts:\n- {source_model: a, positive_prompts: [a]}", "MTK1")]
    [InlineData("experts:\n- {source_model: a, positive_promts: [a]}\n- {source_model: b, positive_prompts: [b]}", "MTK2")]
    [InlineData("gate_mode: hidden", "MTK2")]
    public void Are_recipes_with_experts_in_the_right_form(string body, string code)
    {
        var recipe = Path.Combine(_space.Folder, "r.yml");
        File.WriteAllText(recipe, $"base_model: {Model("base")}\n{body}\n");
        _space.Merge(recipe);
        Assert.All(Refusal(), diagnostic =>
        {
            Assert.StartsWith(code, $"{diagnostic.Code}", StringComparison.Ordinal);
            Assert.NotNull(diagnostic.Location);
        });
    }

    private sealed class States : IActivationObserver
    {
        public List<double[]> Rows { get; } = [];

        public void Observe(in ModuleInput input)
        {
            if (!input.Modules.Contains("model.layers.2.input_layernorm"))
                return;
            for (var row = 0; row < input.Rows; row++)
                Rows.Add([.. input.Row(row).ToArray().Select(value => (double)value)]);
        }
    }

    private IReadOnlyList<Diagnostic> Refusal()
    {
        var fault = Assert.Throws<DiagnosticException>(() => _space.Plan());
        Assert.False(Directory.Exists(_space.Output("m")));
        return fault.Diagnostics;
    }

    private void Declare(string name, params (string Model, string Prompts)[] experts)
    {
        _space.Merge(name, ("Method", "moe"), ("Base", Model("base")), ("ExpertsPerToken", "1"));
        foreach (var (model, prompts) in experts)
            _space.Source(model, ("Into", name), ("PositivePrompts", prompts));
    }

    private static string Model(string name) => Path.Combine(Data, "models", "llama-f32-" + name);

    private static string Recipe(string name) => Path.Combine(Data, "moe", "recipes", name + ".yml");

    private static JsonObject Config(string folder) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();

    private static float[] Logits(string folder)
    {
        using var model = new CpuEngine(new EngineOptions { Threads = 1 }).Load(folder);
        return model.Logits(TokenBatch.Of(Tokens), [.. Enumerable.Range(0, Tokens.Length).Select(position => (0, position))]);
    }

    // Llama with biases of queries, keys and values is Qwen 2.
    private string WithBiases(string model)
    {
        var folder = Path.Combine(_space.Folder, "qwen2");
        Directory.CreateDirectory(folder);
        var source = Path.Combine(Data, "models", model);
        var config = Config(source);
        (config["model_type"], config["architectures"]) = ("qwen2", new JsonArray("Qwen2ForCausalLM"));
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        File.Copy(Path.Combine(source, "tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
        var tensors = TestCheckpoint.Read(source);
        string[] ends = ["q_proj.weight", "k_proj.weight", "v_proj.weight"];
        foreach (var name in tensors.Keys.Where(name => ends.Any(end => name.EndsWith(end, StringComparison.Ordinal))).ToList())
        {
            var rows = tensors[name].Shape[0];
            tensors[name.Replace(".weight", ".bias", StringComparison.Ordinal)] =
                RawTensor.F32([rows], [.. Enumerable.Range(0, (int)rows).Select(i => (i % 7 - 3) / 20f)]);
        }

        TestCheckpoint.WriteFile(Path.Combine(folder, "model.safetensors"), [.. tensors.Select(pair => (pair.Key, pair.Value))]);
        return folder;
    }
}
