using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Refused;

/// <summary>Mistakes in slices, modules and what belongs to them; the mark ‸ stands where the error must point.</summary>
public sealed class Slices : IDisposable
{
    private const string Linear = "merge_method: linear\nparameters: {weight: 1}\n";

    private readonly WrittenProject _project = new();

    public Slices()
    {
        _project.Model("a", Layers(3));
        _project.Model("b", Layers(4));
        _project.Model("flat", ("w", RawTensor.F32([2], 1, 2)));
        _project.Model(
            "parts", [.. Layers(2, "encoder.block."), .. Layers(2, "decoder.block."), ("shared.weight", RawTensor.F32([2], 1, 2))]);
        _project.WriteProject("""<MergedModel Include="recipe.yml" />""");
    }

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("slices:\n  - sources: [{model: models/a, layer_range: ‸[2, 4]}]\n", "MTK2009", "has 3 layers; [2, 4] goes beyond [0, 3]")]
    [InlineData("slices:\n  - sources: [{model: models/a, layer_range: ‸[2, 2]}]\n", "MTK2009", "are none", false)]
    [InlineData("slices:\n  - sources: [{model: models/a, layer_range: ‸[0, -1]}]\n", "MTK2009", "are none", false)]
    [InlineData("slices:\n  - sources: [{model: models/a, layer_range: ‸[-1, 2]}]\n", "MTK2009", "are none", false)]
    [InlineData("slices:\n  - sources: [{model: models/a, layer_range: ‸2}]\n", "MTK2004", "two whole numbers", false)]
    [InlineData("slices:\n  - sources: [{model: models/a, layer_range: ‸[0, 1.5]}]\n", "MTK2004", "two whole numbers", false)]
    [InlineData("slices:\n  - sources: [‸{model: models/a}]\n", "MTK2003", "layer_range", false)]
    [InlineData("slices:\n  - sources: [‸{layer_range: [0, 1]}]\n", "MTK2003", "which 'model'", false)]
    [InlineData("slices:\n  - ‸parameters: {weight: 1}\n", "MTK2003", "no 'sources'", false)]
    [InlineData("slices:\n  - sources: ‸[]\n", "MTK2004", "at least one entry", false)]
    [InlineData(
        "slices:\n  - sources: [{model: models/a, layer_range: [0, 2]}, {model: models/b, layer_range: ‸[0, 3]}]\n",
        "MTK2009",
        "[0, 3] is 3, and [0, 2] of 'models/a' is 2")]
    [InlineData(
        "slices:\n  - sources: [{model: models/a, layer_range: [0, 2]}, {model: ‸models/a, layer_range: [0, 2]}]\n",
        "MTK1006",
        "listed twice in one slice")]
    [InlineData(
        "slices:\n  - sources: [{model: models/a, layer_range: [0, 2]}]\n    parameters: {‸wight: 1}\n",
        "MTK1009",
        "Did you mean 'weight'?")]
    [InlineData("slices:\n  - sources: [{model: ‸models/c, layer_range: [0, 2]}]\n", "MTK3001", "does not exist")]
    [InlineData("slices:\n  - ‸sources: [{model: models/flat, layer_range: [0, 2]}]\n", "MTK2011", "no numbered layers")]
    [InlineData(
        "slices:\n  - sources: [{model: models/a, layer_range: [0, 2]}, {model: models/flat, layer_range: ‸[0, 2]}]\n",
        "MTK2009",
        "has no layers 'model.layers.N'")]
    [InlineData("modules:\n  ‸text: {models: [{model: models/parts}]}\n", "MTK2011", "Valid: decoder, encoder, default")]
    [InlineData("modules:\n  ‸decodr: {models: [{model: models/parts}]}\n", "MTK2011", "Did you mean 'decoder'?")]
    [InlineData(
        "modules:\n  ‸default: {slices: [{sources: [{model: models/parts, layer_range: [0, 1]}]}]}\n", "MTK2011", "no layers to slice")]
    [InlineData("modules:\n  ‸encoder: {parameters: {weight: 1}}\n", "MTK2003", "Module 'encoder' lists no", false)]
    [InlineData("modules:\n  encoder: {models: [{model: models/parts}], ‸slices: []}\n", "MTK2008", "'models' and 'slices'", false)]
    [InlineData("modules: ‸[encoder]\n", "MTK2004", "mapping", false)]
    [InlineData("models: [{model: models/a}]\nstrict: ‸maybe\n", "MTK1003", "true or false", false)]
    [InlineData("models: [{model: models/a}]\npost_weights_position: ‸2\n", "MTK1003", "0 or 1", false)]
    [InlineData("models: [{model: models/a}]\npost_weights_position: ‸-1\n", "MTK1003", "0 or 1", false)]
    [InlineData("models: [{model: models/a}]\npost_weights_position: ‸end\n", "MTK1003", "0 or 1", false)]
    [InlineData("models: [{model: models/a}]\nkeep_tensors: ‸{a: b}\n", "MTK2004", "list of texts", false)]
    public void Are_refused_where_they_stand(string recipe, string code, string hint, bool alone = true)
    {
        var hasMark = recipe.Contains('‸', StringComparison.Ordinal);
        _project.Write("recipe.yml", (hasMark ? "" : "‸") + Linear + recipe);
        _project.Write("data.txt", "x");
        Refused(code, hint, alone);
    }

    [Theory]
    [InlineData(
        "merge_method: slerp\nbase_model: models/b\nparameters: {t: 0.5}\nslices:\n  - ‸sources: [{model: models/a, layer_range: [0, "
            + "2]}]\n", "MTK1007", "Add it to 'sources': '- {model: models/b, layer_range: [0, 2]}'")]
    [InlineData(
        "‸merge_method: slerp\nparameters: {t: 0.5}\nslices:\n  - sources: [{model: models/a, layer_range: [0, 2]}]\n",
        "MTK1007",
        "needs a base model")]
    [InlineData(
        "merge_method: slerp\nbase_model: models/a\nparameters: {t: 0.5}\nslices:\n  - ‸sources: [{model: models/a, layer_range: [0, "
            + "2]}]\n", "MTK1006", "exactly 1 model(s) besides the base; 0 given")]
    [InlineData(
        "merge_method: passthrough\nslices:\n  - ‸sources: [{model: models/a, layer_range: [0, 2]}, {model: models/b, layer_range: [0, "
            + "2]}]\n", "MTK1006", "exactly 1 model(s)")]
    [InlineData(
        "merge_method: slerp\nbase_model: models/a\nslices:\n  - sources: [{model: models/a, layer_range: [0, 2]}, {model: models/b, "
            + "layer_range: [0, 2]}]\n    parameters: {t: 0.5}\n  - ‸sources: [{model: models/a, layer_range: [2, 3]}, {model: models/b, "
            + "layer_range: [2, 3]}]\n", "MTK1002", "'t'")]
    [InlineData("merge_method: linear\nslices:\n  - sources: [{model: ‸models/a, layer_range: [0, 2]}]\n", "MTK1002", "has no 'weight'")]
    public void Methods_get_what_they_need_in_every_slice(string recipe, string code, string hint)
    {
        _project.Write("recipe.yml", recipe);
        Refused(code, hint, true);
    }

    private void Refused(string code, string hint, bool alone)
    {
        var diagnostic = alone ? _project.Refused() : _project.RefusedFirst();
        Assert.Equal(code, diagnostic.Code);
        Assert.Contains(hint, diagnostic.Message, StringComparison.Ordinal);
    }

    private static (string, RawTensor)[] Layers(int count, string prefix = "model.layers.") =>
        [.. Enumerable.Range(0, count).Select(i => ($"{prefix}{i}.w", RawTensor.F32([2], i, i)))];
}
