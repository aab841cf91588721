using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Tests.Methods;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>Recipe files with several documents, each a merge.</summary>
public sealed class Stages : IDisposable
{
    private const string Recipe = """
        name: first
        merge_method: linear
        models:
          - {model: models/a, parameters: {weight: 1}}
          - {model: models/b, parameters: {weight: 1}}
        ---
        merge_method: task_arithmetic
        base_model: models/a
        models:
          - {model: first, parameters: {weight: WEIGHT}}
          - {model: c, parameters: {weight: 0.25}}
        """;

    private readonly RecipeProject _project = new();
    private readonly Dictionary<string, RawTensor>[] _models;

    public Stages() => _models = [_project.Decoder("a", 1, 2), _project.Decoder("b", 2, 2), _project.Decoder("c", 3, 2)];

    public void Dispose() => _project.Dispose();

    [Fact]
    public void A_later_stage_uses_an_earlier_one_by_name()
    {
        _project.Declare(Recipe.Replace("WEIGHT", "0.5", StringComparison.Ordinal));
        _project.Space.Source("models/c", ("As", "c"), ("Into", "recipe"));
        _project.Space.RunAll();
        foreach (var (name, tensor) in _project.Space.Result("recipe"))
        {
            var models = _models.Select(model => Array.ConvertAll(model[name].Floats(), value => (double)value)).ToArray();
            var first = DoublePrecision.Linear([models[0], models[1]], [1, 1]);
            var expected = DoublePrecision.TaskArithmetic(models[0], [first, models[2]], [0.5, 0.25]);
            Assert.All(expected.Zip(tensor.Floats()), pair => Assert.Equal(pair.First, pair.Second, 1e-7));
        }

        Assert.Equal(
            [("first", true), ("recipe", false)], _project.Space.Declarations().Select(merge => (merge.Name, merge.IsIntermediate)));
    }

    [Fact]
    public void Changing_a_later_stage_leaves_the_earlier_one_alone()
    {
        void Declare(string weight)
        {
            _project.Declare(Recipe.Replace("WEIGHT", weight, StringComparison.Ordinal));
            _project.Space.Source("models/c", ("As", "c"), ("Into", "recipe"));
        }

        Declare("0.5");
        _project.Space.RunAll();
        Declare("0.75");
        Assert.Equal([("first", true), ("recipe", false)], _project.Space.Plan().Select(state => (state.Plan.Name, state.IsFresh)));
    }

    [Fact]
    public void Other_merges_use_a_stage_by_name()
    {
        _project.Declare(
            Recipe.Replace("WEIGHT", "0.5", StringComparison.Ordinal).Replace("model: c", "model: models/c", StringComparison.Ordinal));
        _project.Space.Merge("last", ("Method", "linear"));
        _project.Space.Source("first", ("Into", "last"), ("Weight", "1"));
        _project.Space.RunAll();
        Assert.All(
            _project.Space.Result("first"), tensor => Assert.Equal(tensor.Value.Bytes, _project.Space.Result("last")[tensor.Key].Bytes));
    }

    [Theory]
    [InlineData(
        "name: x\nmerge_method: linear\nmodels: [{model: models/a, parameters: {weight: 1}}]\n---\nname: X\nmerge_method: "
            + "linear\nmodels: [{model: models/b, parameters: {weight: 1}}]\n", "MTK1004", 5, "There is a merge 'X' already")]
    [InlineData(
        "merge_method: linear\nmodels: [{model: models/a, parameters: {weight: 1}}]\n---\nmerge_method: linear\nmodels: [{model: "
            + "models/b, parameters: {weight: 1}}]\n", "MTK2003", 4, "only one may do without a 'name'")]
    [InlineData(
        "name: x\nmerge_method: linear\nmodels: [{model: y, parameters: {weight: 1}}]\n---\nname: y\nmerge_method: linear\nmodels: "
            + "[{model: x, parameters: {weight: 1}}]\n", "MTK1010", 1, "'x' → 'y' → 'x'")]
    [InlineData("name: a/b\nmerge_method: linear\nmodels: [{model: models/a, parameters: {weight: 1}}]\n", "MTK1011", 1, "letters, digits")]
    public void Mistakes_point_at_the_stage(string recipe, string code, int line, string message)
    {
        _project.Declare(recipe);
        var diagnostics = Assert.Throws<DiagnosticException>(_project.Space.Declarations).Diagnostics;
        Assert.Equal((code, line), (diagnostics[0].Code, diagnostics[0].Location!.Line));
        Assert.Contains(message, diagnostics[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_single_named_document_has_that_name()
    {
        _project.Declare("name: mine\nmerge_method: linear\nmodels: [{model: models/a, parameters: {weight: 1}}]\n");
        Assert.Equal("mine", _project.Space.Declarations()[0].Name);
        _project.Declare(
            "name: mine\nmerge_method: linear\nmodels: [{model: models/a, parameters: {weight: 1}}]\n", ("MergedModelName", "yours"));
        Assert.Equal("yours", _project.Space.Declarations()[0].Name);
    }
}
