using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>Scores where the output is made of parts of models: slices and modules are measured on the models that they come from.</summary>
public sealed class ScoredParts
{
    private const string Settings =
        "\naim: {omega: 0.4, calibration: ../data/calibration.txt, block: 16}\napl: {levels: [model, layer], density: auto}\n";

    [Theory]
    [InlineData("task_arithmetic")]
    [InlineData("ties")]
    public void Slices_of_all_layers_merge_as_the_whole_models(string method)
    {
        using var project = new ScoredProject();
        var more = method == "ties" ? ", density: 1" : "";
        var whole = Run(project, $$"""
            merge_method: {{method}}
            base_model: ../models/base
            models:
              - model: ../models/a
                parameters: {weight: 0.7{{more}} }
                task_data: ../data/a.jsonl
              - model: ../models/b
                parameters: {weight: 0.4{{more}} }
                task_data: ../data/b.jsonl
            """ + Settings);
        Assert.NotEqual(1, Factor(project));
        var (factor, ran) = (Factor(project), project.Engine.Runs.Count);
        var sliced = Run(project, $$"""
            merge_method: {{method}}
            base_model: ../models/base
            slices:
              - sources:
                  - {model: ../models/a, layer_range: [0, 1], parameters: {weight: 0.7{{more}} }, task_data: ../data/a.jsonl}
                  - {model: ../models/b, layer_range: [0, 1], parameters: {weight: 0.4{{more}} }, task_data: ../data/b.jsonl}
                  - {model: ../models/base, layer_range: [0, 1]}
              - sources:
                  - {model: ../models/a, layer_range: [1, 3], parameters: {weight: 0.7{{more}} } }
                  - {model: ../models/b, layer_range: [1, 3], parameters: {weight: 0.4{{more}} } }
                  - {model: ../models/base, layer_range: [1, 3]}
            """ + Settings);
        Assert.Equal(factor, Factor(project));
        Assert.Equal(whole.Keys.Order(), sliced.Keys.Order());
        Assert.All(sliced, tensor => Assert.Equal(whole[tensor.Key].Bytes, tensor.Value.Bytes));

        // The models' own scores are those of the whole merge: only the merge itself is run.
        Assert.InRange(project.Engine.Runs.Count, 1, ran - 1);
        Assert.DoesNotContain("backward base", project.Engine.Runs);
        Assert.Contains("task_data: ", File.ReadAllText(Path.Combine(project.Space.Output("m"), "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void Stacked_layers_keep_of_each_source_what_it_keeps_as_a_model()
    {
        using var project = new ScoredProject();
        var pruned = new[] { "a", "b" }.ToDictionary(model => model, model => Run(project, $$"""
            merge_method: passthrough
            base_model: ../models/base
            models: [{model: ../models/{{model}}, task_data: ../data/{{model}}.jsonl}]
            apl: {levels: hidden, density: 0.3, rescale: none}
            """));
        var stacked = Run(project, """
            merge_method: passthrough
            importance_base: ../models/base
            slices:
              - sources: [{model: ../models/a, layer_range: [0, 2], task_data: ../data/a.jsonl}]
              - sources: [{model: ../models/b, layer_range: [1, 3], task_data: ../data/b.jsonl}]
            apl: {levels: hidden, density: 0.3, rescale: none}
            """);
        Assert.Equal(4, (int)JsonNode.Parse(File.ReadAllText(Path.Combine(project.Space.Output("m"), "config.json")))!["num_hidden_layers"]!);
        var basis = TestCheckpoint.ReadFile(project.Model("base"));
        foreach (var (layer, model, source) in new[] { (0, "a", 0), (1, "a", 1), (2, "b", 1), (3, "b", 2) })
        {
            foreach (var name in new[] { "mlp.up_proj", "self_attn.q_proj", "input_layernorm" })
            {
                var own = $"model.layers.{source}.{name}.weight";
                var bytes = stacked[$"model.layers.{layer}.{name}.weight"].Bytes;
                Assert.Equal(pruned[model][own].Bytes, bytes);
                Assert.NotEqual(basis[own].Bytes, bytes);
            }
        }

        Assert.Equal(pruned["b"]["lm_head.weight"].Bytes, stacked["lm_head.weight"].Bytes);
        Assert.True(project.Space.State("m").IsFresh);
    }

    [Fact]
    public void Aim_pulls_each_layer_towards_the_base_layer_that_it_comes_from()
    {
        using var project = new ScoredProject();
        var relaxed = Run(project, """
            merge_method: passthrough
            base_model: ../models/base
            models: [{model: ../models/a}]
            aim: {omega: 0.2, calibration: ../data/calibration.txt, block: 16}
            """);
        var stacked = Run(project, """
            merge_method: passthrough
            base_model: ../models/base
            slices:
              - sources: [{model: ../models/a, layer_range: [1, 2]}]
              - sources: [{model: ../models/a, layer_range: [1, 3]}]
            aim: {omega: 0.2, calibration: ../data/calibration.txt, block: 16}
            """);
        foreach (var (layer, source) in new[] { (0, 1), (1, 1), (2, 2) })
            Assert.Equal(
                relaxed[$"model.layers.{source}.mlp.down_proj.weight"].Bytes, stacked[$"model.layers.{layer}.mlp.down_proj.weight"].Bytes);
    }

    [Fact]
    public void A_tensor_that_sources_have_in_different_layers_is_left_as_merged()
    {
        using var project = new ScoredProject();
        const string merge = """
            merge_method: linear
            importance_base: ../models/base
            slices:
              - sources:
                  - {model: ../models/a, layer_range: [0, 2], parameters: {weight: 0.5}, task_data: ../data/a.jsonl}
                  - {model: ../models/b, layer_range: [1, 3], parameters: {weight: 0.5}, task_data: ../data/b.jsonl}
            merge_factor: 'off'

            """;
        var plain = Run(project, merge);
        var scored = Run(project, merge + "apl: {levels: layer, density: 0.1}\n");
        Assert.Equal(plain["model.layers.0.mlp.up_proj.weight"].Bytes, scored["model.layers.0.mlp.up_proj.weight"].Bytes);
        Assert.NotEqual(plain["model.embed_tokens.weight"].Bytes, scored["model.embed_tokens.weight"].Bytes);
    }

    [Fact]
    public void Statistics_are_those_of_the_source_tensors()
    {
        using var project = new ScoredProject();
        var whole = Run(project, """
            merge_method: fisher
            models:
              - {model: ../models/a, task_data: ../data/a.jsonl}
              - {model: ../models/b, task_data: ../data/b.jsonl}
            """);
        var sliced = Run(project, """
            merge_method: fisher
            slices:
              - sources:
                  - {model: ../models/a, layer_range: [0, 3], task_data: ../data/a.jsonl}
                  - {model: ../models/b, layer_range: [0, 3], task_data: ../data/b.jsonl}
            """);
        Assert.All(sliced, tensor => Assert.Equal(whole[tensor.Key].Bytes, tensor.Value.Bytes));
    }

    [Fact]
    public void One_model_has_one_task()
    {
        using var project = new ScoredProject();
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => Run(project, """
            merge_method: passthrough
            importance_base: ../models/base
            slices:
              - sources: [{model: ../models/a, layer_range: [0, 2], task_data: ../data/a.jsonl}]
              - sources: [{model: ../models/a, layer_range: [1, 3], task_data: ../data/b.jsonl}]
            apl: layer
            """)).Diagnostics);
        Assert.Equal((DiagnosticCode.UnsuitableScoring, 5), (diagnostic.Code, diagnostic.Location!.Line));
    }

    private static Dictionary<string, RawTensor> Run(ScoredProject project, string recipe)
    {
        Directory.CreateDirectory(Path.Combine(project.Space.Folder, "recipes"));
        File.WriteAllText(Path.Combine(project.Space.Folder, "recipes", "m.yml"), recipe + "\n");
        project.Space.Clear();
        project.Space.Merge("recipes/m.yml");
        project.Run();
        return project.Space.Result("m");
    }

    private static double Factor(ScoredProject project) =>
        (double)project.Manifest()["importance"]!["check"]!["steps"]!.AsArray()[^1]!["factor"]!;
}
