using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>APL's scores against interventions and gradients that the reference implementation ran in double precision.</summary>
public sealed class LocatedParameters
{
    public static IEnumerable<object[]> Models => TestedEngines.With(["llama-A", "mistral-B", "qwen2-A", "gpt2-A"]);

    [Theory]
    [MemberData(nameof(Models))]
    public void Interventions_and_inner_products_equal_the_reference(string engine, string golden)
    {
        using var project = ScoredProject.On(engine, golden, "a");
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(project.Golden, "interventions.json")));
        project.Add("a", File.ReadAllBytes(Path.Combine(project.Golden, "finetuned.safetensors")));
        File.WriteAllLines(
            project.Data("a.jsonl"), json.RootElement.GetProperty("samples").EnumerateArray().Select(sample => JsonSerializer.Serialize(new
            {
                prompt = WordTokenizer.Text(Ids(sample, "prompt_ids")),
                target = WordTokenizer.Text(Ids(sample, "target_ids")),
            })));
        var reference = json.RootElement.GetProperty("fp64");
        var partitions = reference.GetProperty("partitions")
            .EnumerateObject()
            .ToDictionary(partition => partition.Name == "head" ? "rest" : partition.Name, partition => partition.Value);
        var names = json.RootElement.GetProperty("partitions").EnumerateObject()
            .ToDictionary(
                partition => partition.Name == "head" ? "rest" : partition.Name,
                partition => partition.Value.EnumerateArray().Select(name => name.GetString()!).ToList());

        // The order in which layers are filed.
        var layers = partitions.Keys
            .OrderBy(name =>
                name switch { "embeddings" => -1, "rest" => int.MaxValue, _ => int.Parse(name[6..], CultureInfo.InvariantCulture) })
            .ToList();
        foreach (var mode in new[] { "restore", "ablate" })
        {
            project.Declare(
                "passthrough",
                ["a"],
                ("Apl", "layer"),
                ("AplMode", mode),
                ("AplScoring", "exact"),
                ("AplVerify", "true"),
                ("AplDensity", "0.5"));
            project.Run();
            var effects = project.Score("exact importance of each layer", "a")["parts"].Floats();
            var products = project.Score("importance by gradient", "a");
            Assert.Equal(layers.Count, effects.Length);
            var largest = layers.Max(layer => Math.Abs(partitions[layer].GetProperty(Product(mode)).GetDouble()));
            for (var i = 0; i < layers.Count; i++)
            {
                var expected = mode == "restore"
                    ? partitions[layers[i]].GetProperty("M_base_with").GetDouble() - reference.GetProperty("M_base").GetDouble()
                    : reference.GetProperty("M_finetuned")
                        .GetDouble() - partitions[layers[i]].GetProperty("M_finetuned_without").GetDouble();
                Assert.InRange(Math.Abs(expected - effects[i]), 0, 8e-6);
                var product = names[layers[i]].Sum(name => products[name].Floats().Sum(value => (double)value));
                Assert.InRange(Math.Abs(partitions[layers[i]].GetProperty(Product(mode)).GetDouble() - product) / largest, 0, 2e-5);
            }

            CheckAgreement(project.Manifest(), mode, partitions, layers, reference);
        }
    }

    [Fact]
    public void Exact_rows_are_refused_unless_allowed()
    {
        using var project = new ScoredProject("llama-A", "a");
        project.Declare("passthrough", ["a"], ("Apl", "hidden"), ("AplScoring", "exact"), ("AplDensity", "0.5"));
        var refused = Assert.Throws<DiagnosticException>(() => project.Run());
        Assert.Equal(DiagnosticCode.CostlyScoring, Assert.Single(refused.Diagnostics).Code);
        Assert.Empty(project.Engine.Runs);

        project.Declare(
            "passthrough", ["a"], ("Apl", "hidden"), ("AplScoring", "exact"), ("AplDensity", "0.5"), ("AplAllowCostly", "true"));
        project.Run();
        const string weight = "model.layers.1.mlp.down_proj.weight";
        var effects = project.Score("exact importance of each row", "a")[weight].Floats();

        // The same intervention by hand: the base with one row of the fine-tuned weight, over the task's samples.
        var engine = new CpuEngine();
        using var basis = engine.Load(Path.GetDirectoryName(project.Model("base"))!);
        var tuned = TestCheckpoint.ReadFile(project.Model("a"))[weight];
        var columns = (int)tuned.Shape[1];
        Assert.Equal(tuned.Shape[0], effects.Length);
        var samples = JsonLines.ReadTasks(project.Data("a.jsonl"));
        var tokenizer = Transformers.Tokenization.Tokenizer.Load(project.Model("base", "tokenizer.json"));
        foreach (var row in new[] { 0, 3, effects.Length - 1 })
        {
            var values = TestCheckpoint.ReadFile(project.Model("base"))[weight].Floats();
            tuned.Floats().AsSpan(row * columns, columns).CopyTo(values.AsSpan(row * columns));
            using var changed = basis.Replacing(
                new Dictionary<string, ParameterValue> { [weight] = ParameterValue.FromSingles(tuned.Shape, values) });
            Assert.Equal(Metric(changed) - Metric(basis), effects[row], 2e-6);
        }

        double Metric(ITransformerModel model) => TaskScore.Measure(new TextModel(model, tokenizer), samples).MeanLogProbability;
    }

    [Fact]
    public void One_forward_and_backward_pass_scores_all_levels()
    {
        using var project = new ScoredProject();
        foreach (var level in new[] { "layer", "tensor", "hidden", "model;layer" })
        {
            project.Declare("task_arithmetic", ["a", "b"], ("Apl", level), ("AplDensity", "0.4"));
            var runs = project.Run();
            Assert.Equal(level == "layer" ? ["backward base", "backward base"] : [], runs);
        }
    }

    [Fact]
    public void Scoring_costs_one_pass_over_its_data()
    {
        using var project = new ScoredProject();
        project.Declare(
            "linear",
            ["a", "b"],
            ("Aim", "0.4"),
            ("Calibration", "data/calibration.txt"),
            ("AimBlock", "16"),
            ("Apl", "layer"),
            ("AplDensity", "0.4"));
        project.Run();
        var calibration =
            File.ReadAllText(project.Data("calibration.txt")).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        Assert.Equal(calibration / 16 * 16, project.Engine.Tokens["observe"]);
        var samples = new[] { "a", "b" }
            .SelectMany(model => File.ReadAllLines(project.Data(model + ".jsonl")))
            .Select(line => JsonNode.Parse(line)!)
            .Sum(sample => $"{sample["prompt"]} {sample["target"]}".Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal(samples, project.Engine.Tokens["backward"]);
        Assert.DoesNotContain("score", project.Engine.Tokens.Keys);
    }

    [Theory]
    [InlineData("restore")]
    [InlineData("ablate")]
    public void A_classifier_runs_end_to_end(string mode)
    {
        using var project = new ScoredProject("roberta-cls-A", "a", "b");
        foreach (var model in new[] { "a", "b" })
            File.WriteAllLines(
                project.Data(model + ".jsonl"),
                Enumerable.Range(0, 3)
                    .Select(i => JsonSerializer.Serialize(new { text = WordTokenizer.Text([5 + i, 9, 20 + i, 7]), label = i % 3 })));
        project.Declare("ties", ["a", "b"], ("Apl", "model;hidden"), ("AplMode", mode), ("AplDensity", "0.5"), ("AplVerify", "true"),
            ("Aim", "0.4"), ("Calibration", "data/calibration.txt"), ("AimBlock", "16"));
        project.Run();
        Assert.All(project.Space.Result("m").Values, tensor => Assert.All(tensor.Floats(), value => Assert.True(float.IsFinite(value))));
        Assert.Equal(1, project.Manifest()["importance"]!["models"]!.AsArray().Sum(model => (double)model!["weight"]!), 1e-5);
    }

    [Fact]
    public void A_task_head_that_the_base_lacks_is_carried_into_the_base_and_left_as_merged()
    {
        using var project = new ScoredProject("roberta-cls-A", "a", "b");
        foreach (var model in new[] { "a", "b" })
            File.WriteAllLines(
                project.Data(model + ".jsonl"), [JsonSerializer.Serialize(new { text = WordTokenizer.Text([5, 9, 20]), label = 1 })]);
        var masked = TestCheckpoint.ReadFile(
            Path.Combine(AppContext.BaseDirectory, "Data", "golden", "roberta-mlm-A", "model.safetensors"));
        var own = TestCheckpoint.ReadFile(project.Model("base"));
        TestCheckpoint.WriteFile(
            project.Model("base"), [.. masked.Select(tensor => (tensor.Key, own.GetValueOrDefault(tensor.Key, tensor.Value)))]);
        File.Copy(
            Path.Combine(AppContext.BaseDirectory, "Data", "golden", "roberta-mlm-A", "config.json"),
            project.Model("base", "config.json"),
            overwrite: true);
        project.Space.Clear();
        project.Space.Merge(
            "m",
            [("Method", "linear"), ("ImportanceBase", "models/base"), .. FirstVersion.With(("Apl", "layer"), ("AplDrop", "magnitude"))]);
        foreach (var model in new[] { "a", "b" })
            project.Space.Source("models/" + model, ("Weight", "0.5"), ("TaskData", $"data/{model}.jsonl"));
        Assert.Equal(["backward a", "backward b"], project.Run());
        var (merged, a, b) =
            (project.Space.Result("m"), TestCheckpoint.ReadFile(project.Model("a")), TestCheckpoint.ReadFile(project.Model("b")));
        foreach (var name in merged.Keys.Where(name => name.StartsWith("classifier", StringComparison.Ordinal)))
            Assert.All(
                merged[name].Floats().Zip(a[name].Floats(), b[name].Floats()),
                value => Assert.Equal((value.Second + (double)value.Third) / 2, value.First, 1e-6));
    }

    private static string Product(string mode) => mode == "restore" ? "dot_grad_base" : "dot_grad_finetuned";

    private static IEnumerable<int> Ids(JsonElement sample, string key) =>
        sample.GetProperty(key).EnumerateArray().Select(id => id.GetInt32());

    // The manifest's rank correlation and error, computed here from the reference's numbers alone.
    private static void CheckAgreement(
        JsonNode manifest, string mode, Dictionary<string, JsonElement> partitions, List<string> layers, JsonElement reference)
    {
        var approximate = layers.Select(layer => Math.Abs(partitions[layer].GetProperty(Product(mode)).GetDouble())).ToArray();
        var exact = layers.Select(layer => Math.Abs(mode == "restore"
            ? partitions[layer].GetProperty("M_base_with").GetDouble() - reference.GetProperty("M_base").GetDouble()
            : reference.GetProperty("M_finetuned").GetDouble() - partitions[layer].GetProperty("M_finetuned_without").GetDouble()))
                .ToArray();
        var error = Math.Sqrt(approximate.Zip(exact, (a, e) => (a - e) * (a - e)).Sum() / exact.Sum(e => e * e));
        double[] Ranks(double[] values) => [.. values.Select(value => (double)values.Count(other => other < value))];
        var differences = Ranks(approximate).Zip(Ranks(exact), (a, e) => (a - e) * (a - e)).Sum();
        var spearman = 1 - (6 * differences / (layers.Count * ((layers.Count * layers.Count) - 1.0)));
        var verified = manifest["importance"]!["models"]![0]!["verified"]!["layer"]!;
        Assert.Equal(error, (double)verified["relativeError"]!, 1e-4);
        Assert.Equal(spearman, (double)verified["spearman"]!, 1e-5);
    }
}
