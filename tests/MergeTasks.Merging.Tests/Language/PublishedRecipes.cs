using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;
using MergeTasks.Merging.Tests.Adapters;
using MergeTasks.Merging.Tests.Vocabularies;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>
/// Recipes as people publish them: each builds, or gets one error that says what to write. Its first line says which; a line at its end
/// which warning it gets.
/// </summary>
public sealed class PublishedRecipes : IDisposable
{
    private const int Layers = 32;

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Data", "published");

    private readonly RecipeProject _project = new();

    public static TheoryData<string> Names =>
        [.. Directory.GetFiles(Folder, "*.yml").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    public void Dispose() => _project.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_builds_or_says_what_to_write(string name)
    {
        var text = File.ReadAllText(Path.Combine(Folder, name));
        var expected = text.Split('\n')[0].TrimStart('#', ' ').Split(' ', 2);
        if (expected[0] != "ok")
        {
            var error = Assert.Single(Assert.Throws<DiagnosticException>(() => Build(text)).Diagnostics);
            Assert.Equal(expected[0], error.Code);
            Assert.Contains(expected[1], error.Message, StringComparison.Ordinal);
            return;
        }

        Build(text);
        var plans = _project.Space.Plan();
        var warnings = text.TrimEnd().Split('\n')[^1] is ['#', .. var last] && last.Contains("warns", StringComparison.Ordinal)
            ? last.Trim().Split(' ')[1..] : [];
        Assert.Equal(warnings, plans.SelectMany(state => state.Plan.Warnings).Select(warning => (string)warning.Code).Distinct());
        Assert.All(
            _project.Space.Result(plans[^1].Plan.Name).Values.SelectMany(tensor => tensor.Floats()),
            value => Assert.True(float.IsFinite(value)));
    }

    private void Build(string text)
    {
        var documents = RecipeReader.Parse(Path.Combine(_project.Space.Folder, "recipe.yml"), text);
        var stages = documents.Select(document => document.Name?.Text).OfType<string>().ToList();
        var named = documents.SelectMany(document => document.NamedModels).ToList();
        var models = named.Select(model => model.Reference).Distinct().Except(stages).ToList();
        var adapters = named.Select(model => model.Adapter?.Reference).OfType<string>().Distinct();
        _project.Declare(text);
        for (var i = 0; i < models.Count; i++)
        {
            _project.Decoder($"m{i}", i + 1, Layers, "\"tie_word_embeddings\": false");
            File.WriteAllText(
                Path.Combine(_project.Space.Folder, "models", $"m{i}", "tokenizer.json"),
                TinyTokenizer.Words(["<unk>", "<s>", "</s>", "a", "b"], ("<|im_end|>", 5)));
            _project.Space.Source($"models/m{i}", ("As", models[i]));
        }

        foreach (var adapter in adapters)
        {
            AdapterFolder.Write(
                Path.Combine(_project.Space.Folder, "lora"), new { r = 2, lora_alpha = 4 },
                AdapterFolder.Linear("model.layers.3.self_attn.q_proj", 9, 2, 6, 4));
            _project.Space.Source("lora", ("As", adapter));
        }

        _project.Space.RunAll();
    }
}
