using System.Text.Json.Nodes;
using LLama.Native;
using MergeTasks.Gguf.Format;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Gguf.Tests;

/// <summary>llama.cpp computes of the written file what the engine computes of the checkpoint.</summary>
public sealed class LlamaCppLogits
{
    private const double Tolerance = 2e-4;

    // llama.cpp looks its GELU up in a table of binary16 numbers.
    private const double ToleranceOfGelu = 1e-3;

    [Theory]
    [InlineData("golden/llama-A")]
    [InlineData("golden/llama-B")]
    [InlineData("golden/mistral-A")]
    [InlineData("golden/mixtral-A")]
    [InlineData("golden/qwen2-A")]
    [InlineData("golden/qwen3-A")]
    [InlineData("golden/phi3-A")]
    [InlineData("golden-v5/granite-A")]
    [InlineData("golden-v5/qwen2_moe-A")]
    [InlineData("golden-v5/deepseek_v3-A")]
    [InlineData("variants/llama-llama3")]
    [InlineData("variants/llama-yarn")]
    [InlineData("variants/llama-yarn-mscale")]
    [InlineData("variants/llama-longrope")]
    [InlineData("variants/llama-dynamic-short")]
    [InlineData("variants/mistral-linear")]
    [InlineData("variants/qwen2-yarn")]
    [InlineData("variants/phi3-short")]
    public void Are_the_engines(string name) => Compare(ExportedModel.Golden(name), null);

    [Theory]
    [InlineData("golden/gemma2-A")]
    [InlineData("golden-v5/gemma3_text-A")]
    [InlineData("golden-v5/gemma3-A")]
    public void Are_the_engines_but_for_the_table(string name) => Compare(ExportedModel.Golden(name), null, ToleranceOfGelu);

    [Fact]
    public void Are_the_engines_for_qwen3_moe() => Compare(
        ExportedModel.Golden("golden-v5/qwen3_moe-A"), config => config["num_hidden_layers"] = 1);

    [Theory]
    [InlineData("deepseek_v2-A", 1, false)]
    [InlineData("deepseek_v2-A", 1, true)]
    [InlineData("deepseek_v3-A", 2, true)]
    public void Are_the_engines_for_latent_attention(string name, int groups, bool hasYarn) =>
        Compare(ExportedModel.Golden("golden-v5/" + name), config =>
        {
            (config["n_group"], config["topk_group"], config["rms_norm_eps"]) = (groups, 1, 1e-6);
            if (groups == 1)
                config["topk_method"] = "greedy";
            if (!hasYarn)
                config["rope_parameters"] = new JsonObject { ["rope_type"] = "default", ["rope_theta"] = 500 };
        });

    [Fact]
    public void Are_the_engines_for_gpt_oss() => Compare(
        ExportedModel.Golden("golden-v5/gpt_oss-A"), config => config["rope_parameters"]!["truncate"] = true);

    [Fact]
    public void Are_the_engines_for_smollm3() => Compare(ExportedModel.Golden("golden-v5/smollm3-A"), config =>
    {
        config["no_rope_layers"] = new JsonArray(1, 1, 1);
        config["no_rope_layer_interval"] = 4;
    });

    [Fact]
    public void Are_the_engines_for_the_examples_model() =>
        Compare(Path.Combine(RepositoryFolder.Root, "example-project", "models", "base"), null);

    /// <summary>
    /// Mixtral; Qwen 2's form, of which readers divide no weights by their sum, so that all experts must see a token; DeepSeek's form, for
    /// which there is an architecture that divides.
    /// </summary>
    [Theory]
    [InlineData("mixtral", 2, 0, "llama")]
    [InlineData("qwen", 3, 1, "qwen2moe")]
    [InlineData("deepseek", 1, 1, "deepseek")]
    [InlineData("deepseek", 2, 1, "bailingmoe")]
    [InlineData("deepseek", 3, 1, "bailingmoe")]
    [InlineData("deepseek", 2, 0, "llama")]
    public void Are_the_engines_for_a_mixture_of_dense_models(string form, int perToken, int shared, string architecture)
    {
        using var space = new MergeWorkspace();
        var dense = ExportedModel.Golden("golden/llama-A");
        space.Merge(
            "m", ("Method", "moe"), ("Base", dense), ("GateMode", "random"), ("ExpertsPerToken", $"{perToken}"),
            ("MixtureArchitecture", form));
        for (var i = 0; i < 3; i++)
            space.Source(dense, ("NoiseScale", "0.3"));
        for (var i = 0; i < shared; i++)
            space.Source(dense, ("SharedExpert", "true"), ("ResidualScale", "0.3"));
        space.RunAll();
        using var model = new ExportedModel(space.Output("m"));
        Assert.Equal(architecture, model.Describe(GgufFileType.BF16).Metadata["general.architecture"]);
        Compare(space.Output("m"), null);
        using var engine = model.Engine();
        using var read = new ReadModel(model.Write());
        var tokens = Tokens(engine, 16);
        foreach (var (row, own) in Logits(engine, tokens).Zip(Logits(read.Engine, tokens)))
            AssertClose(row, own, 1e-5);
    }

    [Fact]
    public void Are_a_classifiers_scores()
    {
        using var model = new ExportedModel(ExportedModel.Golden("golden/bert-cls-A"));
        using var engine = model.Engine();
        int[] tokens = [2, 17, 33, 5, 64, 3];
        var expected = engine.Logits(TokenBatch.Of(tokens), [(0, 0)]);
        using var reader = new LlamaCpp(model.Write(), LLamaPoolingType.Rank);
        AssertClose(expected, reader.Scores(tokens, expected.Length), ToleranceOfGelu);
    }

    [Theory]
    [InlineData("golden/bert-mlm-A")]
    public void Of_an_encoder_are_vectors_of_texts(string name)
    {
        using var model = new ExportedModel(ExportedModel.Golden(name));
        using var reader = new LlamaCpp(model.Write(), LLamaPoolingType.Mean);
        Assert.All(reader.Scores([2, 17, 33, 3], 48), number => Assert.True(float.IsFinite(number)));
    }

    /// <summary>How far a type's rounding may move the logits, relative to their spread; measured, with a margin of a half.</summary>
    [Theory]
    [InlineData("F16", 0.002)]
    [InlineData("BF16", 0.02)]
    [InlineData("Q8_0", 0.02)]
    [InlineData("Q6_K", 0.04)]
    [InlineData("Q5_K_M", 0.08)]
    [InlineData("Q4_K_M", 0.15)]
    [InlineData("Q4_1", 0.2)]
    [InlineData("Q4_0", 0.2)]
    public void Of_a_type_are_near(string type, double most)
    {
        using var model = new ExportedModel(Path.Combine(RepositoryFolder.Root, "example-project", "models", "base"));
        using var engine = model.Engine();
        var tokens = Tokens(engine, 24);
        var expected = Logits(engine, tokens);
        using var reader = new LlamaCpp(model.Write(type));
        var actual = reader.Logits(tokens);
        var error = expected.Zip(actual).Average(pair => pair.First.Zip(pair.Second).Average(two => Math.Pow(two.First - two.Second, 2)));
        var spread = expected.Average(row => row.Average(number => Math.Pow(number - row.Average(), 2)));
        Assert.InRange(Math.Sqrt(error / spread), 0, most);

        // The engine on the same file is nearer: llama.cpp rounds what goes into quantised products to 8 bits. Also layer by layer.
        foreach (var resident in new[] { long.MaxValue, 0 })
        {
            using var read = new ReadModel(model.Path(type), resident);
            var own = Logits(read.Engine, tokens)
                .Zip(actual).Average(pair => pair.First.Zip(pair.Second).Average(two => Math.Pow(two.First - two.Second, 2)));
            Assert.InRange(Math.Sqrt(own / spread), 0, type is "F16" or "BF16" ? 0.004 : 0.015);
        }
    }

    private static void Compare(string folder, Action<JsonObject>? change, double tolerance = Tolerance)
    {
        using var model = new ExportedModel(folder, change);
        using var engine = model.Engine();
        var tokens = Tokens(engine, 16);
        var expected = Logits(engine, tokens);
        using var reader = new LlamaCpp(model.Write());
        foreach (var (row, actual) in expected.Zip(reader.Logits(tokens)))
            AssertClose(row, actual, tolerance);
    }

    private static int[] Tokens(ITransformerModel engine, int count) =>
        [.. Enumerable.Range(0, count).Select(i => (i * 37 + 5) % engine.Description.Outcomes)];

    private static float[][] Logits(ITransformerModel engine, int[] tokens)
    {
        var all = engine.Logits(TokenBatch.Of(tokens), [.. tokens.Select((_, position) => (0, position))]);
        return [.. all.Chunk(engine.Description.Outcomes)];
    }

    private static void AssertClose(float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        var scale = expected.Max(MathF.Abs);
        Assert.InRange(expected.Zip(actual).Max(pair => MathF.Abs(pair.First - pair.Second)) / scale, 0, tolerance);
    }
}
