using System.Text.RegularExpressions;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Planning;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>Builds every recipe in <c>docs/recipes.md</c>.</summary>
public sealed partial class DocumentedRecipes
{
    public static TheoryData<int, string> Recipes()
    {
        var data = new TheoryData<int, string>();
        foreach (var (match, i) in Block()
            .Matches(File.ReadAllText(Path.Combine(RepositoryFolder.Root, "docs", "recipes.md")))
            .Select((match, i) => (match, i)))
        {
            // Lines that go into a recipe are shown as well.
            if (match.Groups[1].Value.Contains("merge_method:", StringComparison.Ordinal))
                data.Add(i, match.Groups[1].Value);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Is_built_and_up_to_date_afterwards(int _, string recipe)
    {
        using var project = new RecipeProject();
        WriteModels(project);
        Assert.NotEmpty(project.Build(recipe));
        Assert.All(project.Space.Plan(), state => Assert.True(state.IsFresh));
        Assert.All(project.Space.Plan(), state => Assert.Empty(state.Plan.Layout.Warnings));
    }

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Is_told_in_the_output_so_that_it_can_be_repeated(int _, string recipe)
    {
        // A step's name is not part of what its output tells of itself.
        if (recipe.Contains("name:", StringComparison.Ordinal))
            return;
        using var project = new RecipeProject();
        WriteModels(project);
        var first = project.Plan(recipe);
        var told = RecipeText.Of(first.Declaration);
        var second = project.Plan(told);
        Assert.Equal(told, RecipeText.Of(second.Declaration));
        Assert.Equal(first.Tensors.Select(tensor => tensor.Key), second.Tensors.Select(tensor => tensor.Key));
    }

    private static void WriteModels(RecipeProject project)
    {
        foreach (var (name, seed) in new[] { ("base", 1), ("code", 2), ("math", 3) })
            project.Decoder(name, seed, 6);
        foreach (var (name, seed) in new[] { ("t5-a", 4), ("t5-b", 5) })
        {
            project.Write(name, """{"num_layers": 6, "num_decoder_layers": 6}""",
                [
                    .. Enumerable.Range(0, 6)
                        .SelectMany(i => new[] { $"encoder.block.{i}.w", $"decoder.block.{i}.w" })
                        .Append("shared.weight")
                        .Select((tensor, i) => (tensor, RandomTensors.F32((seed * 100) + i, 2, 2)))
                ]);
        }
    }

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
