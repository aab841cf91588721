using System.Text.Json.Nodes;
using MergeTasks.Merging.Tests.Vocabularies;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>
/// What docs/coming-from-mergekit.md says of the default mode's differences of meaning, a test for each row of its table.
/// </summary>
public sealed class DifferencesOfMeaning : IDisposable
{
    private const string Tensor = "w.weight";

    private readonly RecipeProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void The_table_has_these_rows()
    {
        var page = File.ReadAllText(Path.Combine(RepositoryFolder.Root, "docs", "coming-from-mergekit.md"));
        var start = page.IndexOf("### Differences of meaning in the default mode", StringComparison.Ordinal);
        var rows = page[start..page.IndexOf("\n## ", start, StringComparison.Ordinal)].Split('\n')
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Select(line => line.Split('|')[1].Trim())
            .Skip(1);
        Assert.Equal(
            [
                "`model_stock` whose deltas point apart on average",
                "`karcher`, `linear` with a `base_model` that is not listed",
                "`sce` with one model",
                "models of different element types without `dtype`",
                "`ties` whose ⌊density·n⌋ is 0",
                "the same model twice",
                "ordinary tokens that a union brings from another model",
            ], rows);
    }

    [Fact]
    public void Model_stock_of_deltas_that_point_apart_is_the_base()
    {
        var (basis, delta) = (RandomTensors.Normal(1, 40), RandomTensors.Normal(2, 40));
        Write("base", RawTensor.F32([5, 8], basis));
        Write("a", RawTensor.F32([5, 8], [.. basis.Zip(delta, (x, d) => x + d)]));
        Write("b", RawTensor.F32([5, 8], [.. basis.Zip(delta, (x, d) => x - (d / 2))]));
        Assert.Equal(basis, Build("model_stock", "base_model: models/base", "a", "b").Floats());
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("karcher")]
    public void A_base_that_is_not_listed_takes_no_part(string method)
    {
        foreach (var (name, seed) in new[] { ("base", 1), ("a", 2), ("b", 3) })
            Write(name, RandomTensors.F32(seed, 5, 8));
        Assert.Equal(Build(method, "x-none: &x 1", "a", "b").Bytes, Build(method, "base_model: models/base", "a", "b").Bytes);
        Assert.NotEqual(
            Build(method, "base_model: models/base", "a", "b").Bytes, Build(method, "base_model: models/base", "a", "b", "base").Bytes);
    }

    [Fact]
    public void Sce_of_one_model_is_that_model()
    {
        Write("base", RandomTensors.F32(1, 5, 8));
        Write("a", RandomTensors.F32(2, 5, 8));
        Assert.All(
            Build("sce", "base_model: models/base", "a").Floats().Zip(RandomTensors.F32(2, 5, 8).Floats()),
            pair => Assert.Equal(pair.Second, pair.First, 1e-6));
    }

    [Theory]
    [InlineData("linear", "BF16", "F32", "F32")]
    [InlineData("linear", "BF16", "F16", "F32")]
    [InlineData("ties", "BF16", "F32", "F32")]
    [InlineData("task_arithmetic", "F16", "BF16", "F32")]
    [InlineData("ties", "BF16", "BF16", "BF16")]
    public void Types_that_differ_give_the_one_that_holds_all(string method, string basis, string tuned, string expected)
    {
        Write("base", Of(basis, 1));
        Write("a", Of(tuned, 2));
        Assert.Equal(expected, Build(method, "base_model: models/base", "a", "base").DType);

        static RawTensor Of(string type, int seed) => type switch
        {
            "BF16" => RandomTensors.BF16(seed, 5, 8),
            "F16" => RawTensor.F16([5, 8], RandomTensors.Normal(seed, 40)),
            _ => RandomTensors.F32(seed, 5, 8),
        };
    }

    [Fact]
    public void Ties_keeps_one_element_at_least()
    {
        var (basis, tuned) = (RandomTensors.F32(1, 5, 8), RandomTensors.F32(2, 5, 8));
        Write("base", basis);
        Write("a", tuned);
        var result = Build("ties", "base_model: models/base", "a", density: 0.01).Floats();
        var changed = Enumerable.Range(0, 40).Where(i => result[i] != basis.Floats()[i]).ToList();
        var largest = Enumerable.Range(0, 40).MaxBy(i => Math.Abs(tuned.Floats()[i] - basis.Floats()[i]));
        Assert.Equal([largest], changed);
    }

    [Fact]
    public void A_model_that_is_listed_twice_counts_twice()
    {
        var (a, b) = (RandomTensors.F32(1, 5, 8), RandomTensors.F32(2, 5, 8));
        Write("a", a);
        Write("b", b);
        Assert.All(
            Build("linear", "x-none: &x 1", "a", "b", "a").Floats().Zip(a.Floats(), b.Floats()),
            value => Assert.Equal(((2.0 * value.Second) + value.Third) / 3, value.First, 1e-6));
    }

    [Fact]
    public void Ordinary_tokens_of_a_union_are_rows_and_not_found_in_text()
    {
        foreach (var (name, seed, words) in new[] { ("base", 1, "? red green"), ("a", 2, "? red pink green") })
        {
            var list = words.Split(' ');
            _project.Write(name, "{}", ("model.embed_tokens.weight", RandomTensors.F32(seed, list.Length, 4)));
            File.WriteAllText(Path.Combine(_project.Space.Folder, "models", name, "tokenizer.json"), TinyTokenizer.Words(list));
        }

        var table = _project.Build(
            "merge_method: task_arithmetic\nbase_model: models/base\ntokenizer_source: union\nparameters: {weight: 1}\nmodels: [{model: "
                + "models/a}]\n")["model.embed_tokens.weight"];
        Assert.Equal([4L, 4], table.Shape);
        Assert.Equal(RandomTensors.F32(2, 4, 4).Floats()[8..12], table.Floats()[12..16]);
        var tokenizer = JsonNode.Parse(File.ReadAllText(Path.Combine(_project.Space.Output("recipe"), "tokenizer.json")))!;
        Assert.Equal(3, (int)tokenizer["model"]!["vocab"]!["pink"]!);
        Assert.Empty(tokenizer["added_tokens"]!.AsArray());
    }

    private void Write(string name, RawTensor tensor) => _project.Write(name, "{}", (Tensor, tensor));

    private RawTensor Build(string method, string basis, params string[] models) => Build(method, basis, models, 1);

    private RawTensor Build(string method, string basis, string model, double density) => Build(method, basis, [model], density);

    private RawTensor Build(string method, string basis, string[] models, double density)
    {
        var parameters = method switch
        {
            "linear" or "task_arithmetic" => "weight: 1",
            "ties" => FormattableString.Invariant($"weight: 1, density: {density}"),
            _ => "",
        };
        var list = string.Join(", ", models.Select(model => $"{{model: models/{model}}}"));
        return _project.Build($"merge_method: {method}\n{basis}\nparameters: {{{parameters}}}\nmodels: [{list}]\n")[Tensor];
    }
}
