using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>Recipes as people write them for mergekit, with what it ignores: taken with a warning, or refused with what to write.</summary>
public sealed class MergekitRecipes : IDisposable
{
    private const string Slerp =
        "merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: models/b}]\nparameters: {t: 0.25}\n";

    private readonly RecipeProject _project = new();

    public MergekitRecipes()
    {
        _project.Decoder("a", 1, 2);
        _project.Decoder("b", 2, 2);
    }

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData(
        "merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: models/b}]\nparameters: {t: 0.25, normalize: "
            + "true}\n", "MTK1009", "no parameter 'normalize'")]
    [InlineData(
        "merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: models/b, parameters: {weight: "
            + "0.3}}]\nparameters: {t: 0.25}\n", "MTK1009", "no parameter 'weight'")]
    [InlineData(
        "merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: models/b}]\nparameters: {t: 0.25, dtype: "
            + "bfloat16}\n", "MTK1009", "key of the recipe itself")]
    [InlineData(
        "merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: models/b}]\nparameters: {t: 0.25, int_space: x}\n",
        "MTK1009",
        "No method has a parameter 'int_space'")]
    [InlineData(
        "merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: models/b, parameters: {t: 0.9}}]\nparameters: "
            + "{t: 0.25}\n", "MTK2006", "whole merge")]
    [InlineData(
        "merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: models/b, revision: main}]\nparameters: {t: "
            + "0.25}\n", "MTK2002", "path@revision")]
    [InlineData(
        "merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a, parameters: {density: 0.5}}, {model: "
            + "models/b}]\nparameters: {t: 0.25}\n", "MTK1009", "no parameter 'density'")]
    [InlineData(Slerp + "normalize: true\n", "MTK2002", "write it under 'parameters'")]
    [InlineData(Slerp + "pad_to_multiple_of: 8\n", "MTK2002", "'pad_to_multiple_of'")]
    [InlineData(Slerp + "out_path: ./x\n", "MTK2002", "'out_path'")]
    [InlineData(Slerp + "unheard_of: {a: [1, 2]}\n", "MTK2002", "'unheard_of'")]
    public void What_mergekit_ignores_is_warned_of_and_an_error_in_a_strict_merge(string recipe, string code, string message)
    {
        var plain = _project.Build(Slerp);
        var result = _project.Build(recipe);
        Assert.All(plain, tensor => Assert.Equal(tensor.Value.Bytes, result[tensor.Key].Bytes));
        var warning = Assert.Single(_project.Space.State("recipe").Plan.Warnings);
        Assert.Equal((code, true, "recipe.yml"), (warning.Code, warning.IsWarning, Path.GetFileName(warning.Location!.File)));
        Assert.Contains(message, warning.Message, StringComparison.Ordinal);
        Assert.Equal(
            [code],
            Assert.Throws<DiagnosticException>(() => _project.Plan(recipe, metadata: [("Strict", "true")])).Diagnostics.Select(diagnostic =>
                (string)diagnostic.Code));
        Assert.Equal(
            [code],
            Assert.Throws<DiagnosticException>(() => _project.Plan(recipe + "strict: true\n")).Diagnostics.Select(diagnostic =>
                (string)diagnostic.Code));
    }

    [Theory]
    [InlineData(
        "x-common: &c {t: 0.25}\nmerge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: "
            + "models/b}]\nparameters:\n  <<: *c\n")]
    [InlineData(
        "const_tag: &v 0.25\nmerge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: models/b}]\nparameters: {t: "
            + "*v}\n")]
    [InlineData("merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: models/b}]\nparameters: {t: '0.25'}\n")]
    [InlineData(
        "merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/a}, {model: models/b}]\nparameters: {t: [0.2_5, 2.5e-1]}\n")]
    public void Anchors_and_numbers_as_texts_are_taken(string recipe)
    {
        var plain = _project.Build(Slerp);
        Assert.All(_project.Build(recipe), tensor => Assert.Equal(plain[tensor.Key].Bytes, tensor.Value.Bytes));
        Assert.Empty(_project.Space.State("recipe").Plan.Warnings);
    }

    [Theory]
    [InlineData("model_stock", "weight", "base_model: models/a", "", "models: [{model: models/b}, {model: models/b}]")]
    [InlineData("sce", "normalize", "base_model: models/a")]
    [InlineData("arcee_fusion", "weight", "base_model: models/a")]
    [InlineData("karcher", "density", "x-none: &x 1")]
    [InlineData("nearswap", "lambda", "base_model: models/a", "t: 0.001, ")]
    [InlineData("passthrough", "weight", "x-none: &x 1", "", "models: [{model: models/b}]")]
    public void Parameters_of_other_methods_change_nothing(
        string method, string parameter, string basis, string own = "", string models = "models: [{model: models/a}, {model: models/b}]")
    {
        var plain = _project.Build($"merge_method: {method}\n{basis}\n{models}\nparameters: {{{own}}}\n");
        var result = _project.Build($"merge_method: {method}\n{basis}\n{models}\nparameters: {{{own}{parameter}: 0.3}}\n");
        Assert.All(plain, tensor => Assert.Equal(tensor.Value.Bytes, result[tensor.Key].Bytes));
        var warning = Assert.Single(_project.Space.State("recipe").Plan.Warnings);
        Assert.Equal(("MTK1009", true), (warning.Code, warning.IsWarning));
    }

    [Theory]
    [InlineData("010", 8)]
    [InlineData("0x1F", 31)]
    [InlineData("-0b101", -5)]
    [InlineData("1_000", 1000)]
    [InlineData("'010'", 10)]
    [InlineData("0", 0)]
    [InlineData("00.5", 0.5)]
    [InlineData("YES", 1)]
    [InlineData("OFF", 0)]
    public void Numbers_are_those_of_yaml_1_1(string written, double value) => Assert.Equal(
        new Setting.Number(value),
        RecipeReader.Parse(
            "r.yml",
            $"merge_method: linear\nmodels: [{{model: a, parameters: {{weight: {written}}}}}]\n")[0].Models[0].Parameters["weight"].Value);

    [Theory]
    [InlineData("[0, 020]", 0, 16)]
    [InlineData("[0x4, 1_6]", 4, 16)]
    [InlineData("[2.0, '010']", 2, 10)]
    public void Layers_are_such_numbers_too(string written, int start, int end)
    {
        var text = $"merge_method: passthrough\nslices: [{{sources: [{{model: a, layer_range: {written}}}]}}]\n";
        var slice = Assert.Single(RecipeReader.Parse("r.yml", text)[0].Slices);
        var source = Assert.Single(slice.Sources);
        Assert.Equal((start, end), (source.Start, source.End));
    }

    [Theory]
    [InlineData(
        "base_model: models/a\ngate_mode: hidden\nexperts:\n  - source_model: models/a\n    positive_prompts: [x]\ndtype: bfloat16\n",
        "at least two experts")]
    [InlineData("genome:\n  models: [a, b]\n  merge_method: ties\ntasks: []\n", "mergekit-evolve")]
    [InlineData(
        "merge_method: linear\nmodels: [{model: models/a, parameters: {weight: 1}}]\ntokenizer_source: model:models/b\n",
        "write the model itself: 'tokenizer_source: models/b'")]
    [InlineData(
        "merge_method: passthrough\nslices: [{sources: [{model: models/a, layer_range: [1, 1]}]}]\n", "The layer 1 alone is [1, 2]")]
    [InlineData(
        "merge_method: task_arithmetic\nbase_model: models/a+models/b\nmodels: [{model: models/a+models/b, parameters: {weight: 1}}]\n",
        "'merge_method: passthrough' writes a model with its adapter")]
    public void What_cannot_be_built_gets_one_error_that_says_what_to_write(string recipe, string message) =>
        Assert.Contains(
            message,
            Assert.Single(Assert.Throws<DiagnosticException>(() => _project.Plan(recipe)).Diagnostics).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_model_may_be_listed_twice_and_counts_twice()
    {
        var (a, b) =
            (TestCheckpoint.Read(Path.Combine(_project.Space.Folder, "models", "a")),
                TestCheckpoint.Read(Path.Combine(_project.Space.Folder, "models", "b")));
        var result = _project.Build(
            "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: models/a}, {model: models/b}, {model: models/a}, {model: "
                + "models/a}]\n");
        foreach (var (name, tensor) in result)
            Assert.All(
                tensor.Floats().Zip(a[name].Floats(), b[name].Floats()),
                value => Assert.Equal((0.75 * value.Second) + (0.25 * value.Third), value.First, 1e-7));
        Assert.Contains(
            "listed twice",
            Assert.Throws<DiagnosticException>(() =>
                _project.Plan(
                    "merge_method: karcher\nmodels: [{model: models/a}, {model: models/a}]\n",
                    metadata: [("Compatibility", "mergekit")])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_may_contain_a_plus()
    {
        Directory.Move(Path.Combine(_project.Space.Folder, "models", "b"), Path.Combine(_project.Space.Folder, "models", "b+v1.5"));
        Assert.NotEmpty(_project.Build("merge_method: passthrough\nmodels: [{model: models/b+v1.5}]\n"));
        var fault = Assert.Single(
            Assert.Throws<DiagnosticException>(() =>
                _project.Plan("merge_method: passthrough\nmodels: [{model: models/a+v1.5}]\n")).Diagnostics);
        Assert.Equal("MTK3001", fault.Code);
        Assert.Contains("a model whose path contains '+' is written as 'model: {model: {path: …}}'", fault.Message, StringComparison.Ordinal);
    }
}
