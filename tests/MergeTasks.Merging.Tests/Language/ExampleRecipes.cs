using System.Text.Json.Nodes;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Recipes;
using MergeTasks.Merging.Tests.Adapters;
using MergeTasks.Merging.Tests.Importance;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>
/// Recipes of the shapes that mergekit's documentation shows, one for each method and more, as files that editors check too: each builds on
/// small models, and what it makes loads and runs in the engine.
/// </summary>
public sealed class ExampleRecipes
{
    private static readonly string Folder = Path.Combine(RepositoryFolder.Root, "tests", "MergeTasks.Merging.Tests", "Language", "Recipes");

    public static TheoryData<string> Names() =>
        [.. Directory.GetFiles(Folder, "*.yml").Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal)];

    [Fact]
    public void Every_method_has_one() =>
        Assert.Empty(
            MergeMethods.All
                .Select(method => method.Name)
                .Except(
                    Directory.GetFiles(Folder, "*.yml").SelectMany(file => RecipeReader.Read(file)).Select(recipe => recipe.Method.Name)));

    [Theory]
    [MemberData(nameof(Names))]
    public void Builds_and_its_output_runs(string name)
    {
        using var project = Project();
        var space = project.Space;
        File.Copy(Path.Combine(Folder, name + ".yml"), Path.Combine(space.Folder, name + ".yml"));
        space.Merge(name + ".yml");
        space.RunAll();
        Assert.All(space.Plan(), state => Assert.True(state.IsFresh, string.Join("; ", state.Reasons)));
        foreach (var merge in space.Declarations())
            Run(space, merge.Name);
    }

    private static ScoredProject Project()
    {
        var project = new ScoredProject("llama-A", "a", "b", "c");
        AdapterFolder.Write(
            Path.Combine(project.Space.Folder, "adapters", "style"), new { r = 2, lora_alpha = 4, target_modules = new[] { "q_proj" } },
            AdapterFolder.Linear("model.layers.1.self_attn.q_proj", 5, 2, 48, 48));

        // A model with one token more: a row more in embeddings and head.
        var tensors = TestCheckpoint.ReadFile(project.Model("b")).Select(tensor => (tensor.Key, tensor.Value.Shape[0] == project.Vocabulary
            ? RawTensor.F32(
                [project.Vocabulary + 1, tensor.Value.Shape[1]],
                [.. tensor.Value.Floats(), .. RandomTensors.Normal(7, (int)tensor.Value.Shape[1], 0.1)])
            : tensor.Value)).ToArray();
        TestCheckpoint.WriteFile(Path.Combine(project.Space.Folder, "longer.tmp"), tensors);
        project.Add("longer", File.ReadAllBytes(Path.Combine(project.Space.Folder, "longer.tmp")));
        var config = JsonNode.Parse(File.ReadAllText(project.Model("longer", "config.json")))!;
        config["vocab_size"] = project.Vocabulary + 1;
        File.WriteAllText(project.Model("longer", "config.json"), config.ToJsonString());
        WordTokenizer.Write(Path.GetDirectoryName(project.Model("longer"))!, project.Vocabulary + 1);
        return project;
    }

    // An adapter runs on its base.
    private static void Run(MergeWorkspace space, string merge)
    {
        if (File.Exists(Path.Combine(space.Output(merge), "adapter_config.json")))
        {
            space.Clear();
            space.Merge("adapted", ("Method", "passthrough"), ("Base", "models/base"));
            space.Source("models/base", ("Adapter", space.Output(merge)));
            space.RunAll();
            merge = "adapted";
        }

        using var model = new CpuEngine(new EngineOptions { Threads = 2 }).Load(space.Output(merge));
        var logits = model.Logits(TokenBatch.Of([1, 5, 9, 7]), [(0, 3)]);
        Assert.Equal(model.Description.Vocabulary, logits.Length);
        Assert.All(logits, logit => Assert.True(float.IsFinite(logit)));
        Assert.True(logits.Max() - logits.Min() > 0.01f);
    }
}
