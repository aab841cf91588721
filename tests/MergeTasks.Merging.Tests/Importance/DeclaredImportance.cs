using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>AIM and APL in recipes and project files: the same merge either way, and every mistake a diagnostic.</summary>
public sealed class DeclaredImportance
{
    private const string Recipe = """
        merge_method: linear
        importance_base: ../models/base
        models:
          - model: ../models/a
            parameters: {weight: 0.5}
            task_data: ../data/a.jsonl
          - model: ../models/b
            parameters: {weight: 0.5}
            task_data: ../data/b.jsonl
        aim: {omega: 0.3, calibration: ../data/calibration.txt, block: 16, scaling: exponential}
        apl: {levels: [model, hidden], density: 0.4, drop: magnitude, tau1: inf}
        """;

    [Fact]
    public void A_recipe_and_items_make_the_same_tensors()
    {
        using var project = new ScoredProject();
        project.Space.Clear();
        project.Space.Merge(
            "m",
            ("Method", "linear"),
            ("ImportanceBase", "models/base"),
            ("Aim", "0.3"),
            ("Calibration", "data/calibration.txt"),
            ("AimBlock", "16"),
            ("AimScaling", "exponential"), ("Apl", "model;hidden"), ("AplDensity", "0.4"), ("AplDrop", "magnitude"), ("AplTau1", "inf"));
        foreach (var model in new[] { "a", "b" })
            project.Space.Source("models/" + model, ("Weight", "0.5"), ("TaskData", $"data/{model}.jsonl"));
        Assert.NotEmpty(project.Run());
        var items = project.Space.Result("m");
        Write(project, Recipe);
        project.Space.Merge("recipes/m.yml");
        Assert.Empty(project.Run());
        Assert.All(project.Space.Result("m"), tensor => Assert.Equal(items[tensor.Key].Bytes, tensor.Value.Bytes));

        // The card's recipe is one that this project reads.
        var card = File.ReadAllText(Path.Combine(project.Space.Output("m"), "README.md"));
        var recipe = RecipeReader.Parse("card", card.Split("```yaml\n")[1].Split("```")[0])[0];
        Assert.Equal(
            "[model, hidden]".Trim('[', ']').Replace(", ", ";", StringComparison.Ordinal), recipe.Options[AplDeclaration.Options[0]].Text);
    }

    [Fact]
    public void Short_forms_take_the_rest_from_the_project_file()
    {
        using var project = new ScoredProject();
        Write(project, """
            merge_method: task_arithmetic
            base_model: ../models/base
            models:
              - {model: ../models/a, parameters: {weight: 1}, task_data: ../data/a.jsonl}
            aim: 0.25
            apl: layer
            """);
        project.Space.Merge("recipes/m.yml", ("Calibration", "data/calibration.txt"), ("Aim", "0.9"), ("AplDensity", "0.7"));
        var merge = Assert.Single(project.Space.Declarations());
        Assert.Equal((0.25, 0.7, PartitionLevel.Layer), (merge.Aim!.Omega, merge.Apl!.Density!.Value, Assert.Single(merge.Apl.Levels)));
        Assert.Equal(project.Data("calibration.txt"), merge.Aim.Calibration.Path);
    }

    [Theory]
    [InlineData("aim: {omega: 2, calibration: ../data/calibration.txt}", "MTK1003", 11)]
    [InlineData("aim: {omega: 0.4}", "MTK5004", 11)]
    [InlineData("aim: {omga: 0.4}", "MTK2002", 11)]
    [InlineData("apl: {levels: [rows]}", "MTK1003", 11)]
    [InlineData("apl: {levels: hidden, scoring: exact}", "MTK5007", 11)]
    [InlineData("apl: {levels: layer, tau1: 0}", "MTK1003", 11)]
    public void Mistakes_in_recipes_have_a_position(string section, string code, int line)
    {
        using var project = new ScoredProject();
        Write(project, string.Join('\n', Recipe.Split('\n').SkipLast(2).Append("dtype: float32").Append(section)));
        project.Space.Merge("recipes/m.yml");
        var diagnostic = Assert.Throws<DiagnosticException>(project.Space.Declarations).Diagnostics[0];
        Assert.Equal((code, line), (diagnostic.Code, diagnostic.Location!.Line));
        Assert.EndsWith("m.yml", diagnostic.Location.File, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("linear", "Apl", "layer", "no-task", "MTK5004")]
    [InlineData("passthrough", "Apl", "model", "", "MTK5006")]
    [InlineData("linear", "Calibration", "data/none.txt", "", "MTK5002")]
    [InlineData("linear", "Base", "", "", "MTK5005")]
    [InlineData("linear", "AimBlock", "4000", "", "MTK5003")]
    [InlineData("linear", "tokenizer", "", "", "MTK5001")]
    [InlineData("linear", "family", "", "", "MTK5001")]
    [InlineData("linear", "sample", "", "", "MTK5002")]
    public void What_cannot_be_scored_is_a_diagnostic_and_writes_nothing(
        string method, string what, string value, string variant, string code)
    {
        using var project = new ScoredProject();
        var metadata = new Dictionary<string, string>
        {
            ["Method"] = method,
            ["Base"] = "models/base",
            ["Aim"] = "0.4",
            ["Calibration"] = "data/calibration.txt",
            ["AimBlock"] = "16",
            ["Apl"] = "layer",
        };
        switch (what)
        {
            case "tokenizer":
                File.Delete(project.Model("base", "tokenizer.json"));
                break;
            case "family":
                File.WriteAllText(project.Model("base", "config.json"), """{"model_type": "unheard"}""");
                break;
            case "sample":
                File.WriteAllText(project.Data("a.jsonl"), """{"prompt": "w4"}""");
                break;
            default:
                metadata[what] = value;
                break;
        }

        project.Space.Clear();
        project.Space.Merge("m", [.. metadata.Where(pair => pair.Value.Length > 0).Select(pair => (pair.Key, pair.Value))]);
        foreach (var model in method == "passthrough" ? new[] { "a" } : ["a", "b"])
            project.Space.Source(
                "models/" + model,
                [
                    .. method == "linear" ? new[] { ("Weight", "0.5") } : [],
                    .. variant == "no-task" ? [] : new[] { ("TaskData", $"data/{model}.jsonl") }
                ]);
        var diagnostics = Assert.Throws<DiagnosticException>(() => project.Run()).Diagnostics;
        Assert.All(diagnostics, diagnostic => Assert.Equal(code, diagnostic.Code));
        Assert.False(
            Directory.Exists(project.Space.Output("m"))
                && Directory.EnumerateFiles(project.Space.Output("m"), "*", SearchOption.AllDirectories).Any());
    }

    [Fact]
    public void Validating_reads_no_weights_and_runs_nothing()
    {
        using var project = new ScoredProject();
        project.Declare("ties", ["a", "b"], ("Aim", "0.4"), ("Calibration", "data/calibration.txt"), ("Apl", "hidden"));
        project.Space.Build().Validate(default);
        Assert.Empty(project.Space.Digested);
        Assert.Empty(project.Engine.Runs);
        Assert.False(Directory.Exists(project.Space.Cache));
    }

    [Fact]
    public void Slerp_measures_its_base_too_where_another_model_is_the_importance_base()
    {
        using var project = new ScoredProject("llama-A", "a", "b");
        project.Space.Merge(
            "m",
            [
                ("Method", "slerp"),
                ("Base", "models/a"),
                ("T", "0.5"),
                ("ImportanceBase", "models/base"),
                .. FirstVersion.With(("Apl", "layer"))
            ]);
        project.Space.Source("models/a", ("TaskData", "data/a.jsonl"));
        project.Space.Source("models/b", ("TaskData", "data/b.jsonl"));
        Assert.Equal(["backward base", "backward base"], project.Run());
        Assert.Equal(2, project.Manifest()["importance"]!["models"]!.AsArray().Count);
    }

    private static void Write(ScoredProject project, string recipe)
    {
        project.Space.Clear();
        Directory.CreateDirectory(Path.Combine(project.Space.Folder, "recipes"));
        File.WriteAllText(Path.Combine(project.Space.Folder, "recipes", "m.yml"), recipe + "\n");
    }
}
