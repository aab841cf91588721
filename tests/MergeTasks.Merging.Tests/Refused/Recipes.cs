using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Refused;

/// <summary>Mistakes in recipes; the mark ‸ stands where the error must point.</summary>
public sealed class Recipes : IDisposable
{
    private readonly WrittenProject _project = new();

    public Recipes()
    {
        _project.Model("a", ("w", RawTensor.F32([2], 1, 2)));
        _project.Model("b", ("w", RawTensor.F32([2], 3, 4)));
        _project.WriteProject("""<MergedModel Include="recipe.yml" />""");
    }

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("merge_method: linear\nmodels:\n  - model: ‸'models/a\n", "MTK2001", "not valid YAML")]
    [InlineData("merge_method: ‸linear\n\tmodels: x\n", "MTK2001", "not valid YAML", false)]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\n# ‸\0\ndtype: float16\n",
        "MTK2001",
        "NUL character")]
    [InlineData(
        "merge_method: linear\n‸modells:\n  - model: models/a\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\n",
        "MTK2002",
        "Did you mean 'models'?")]
    [InlineData("‸merge_method: linear\n", "MTK2003", "'models'")]
    [InlineData("‸models:\n  - model: models/a\n", "MTK2003", "'merge_method'")]
    [InlineData("merge_method: linear\nmodels:\n  - ‸parameters: {weight: 1}\n", "MTK2003", "which 'model'")]
    [InlineData("", "MTK2003", "empty")]
    [InlineData("‸- a\n- b\n", "MTK2004", "mapping")]
    [InlineData("merge_method: linear\n‸<<: x\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\n", "MTK2001", "merge key")]
    [InlineData("merge_method: linear\nmodels: ‸x\n", "MTK2004", "list")]
    [InlineData("merge_method: linear\nmodels:\n  - ‸models/a\n", "MTK2004", "mapping")]
    [InlineData("merge_method: ‸[linear]\nmodels:\n  - model: models/a\n", "MTK2004", "needs a text")]
    [InlineData("merge_method: linear\nmodels:\n  - model: models/a\n    parameters: ‸[weight]\n", "MTK2004", "mapping", false)]
    [InlineData(
        "merge_method: linear\nslices: []\n‸models:\n  - model: models/a\n    parameters: {weight: 1}\n",
        "MTK2008",
        "has one of them",
        false)]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\n‸modules: {x: {models: [{model: models/a}]}}\n",
        "MTK2008",
        "'models' and 'modules'")]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\ntokenizer: {}\n‸tokenizer_source: base\n",
        "MTK2008",
        "Keep one")]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: ‸a+b+c\n    parameters: {weight: 1}\n",
        "MTK2004",
        "{model: {path: …}, lora: {path: …}}")]
    [InlineData("merge_method: linear\nmodels:\n  - model: ‸{lora: {path: b}}\n    parameters: {weight: 1}\n", "MTK2003", "needs 'model:")]
    [InlineData("merge_method: linear\nmodels:\n  - model: {model: ‸{revision: b}}\n    parameters: {weight: 1}\n", "MTK2003", "'path'")]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\ntokenizer: ‸union\n",
        "MTK2004",
        "tokenizer_source")]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\ntokenizer: {‸sourc: union}\n",
        "MTK2002",
        "Did you mean 'source'?")]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\ntokenizer: {pad_to_multiple_of: ‸0}\n",
        "MTK1003",
        "at least 1")]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\ntokenizer: {tokens: {x: {force: ‸often}}}\n",
        "MTK1003",
        "true or false")]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\ntokenizer: {tokens: {x: {source: {kind: "
            + "‸one}}}}\n", "MTK1003", "model_token")]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\ntokenizer: {tokens: {x: {source: ‸{kind: "
            + "model_token, model: models/a}}}}\n", "MTK2003", "one of 'token' and 'token_id'")]
    [InlineData("merge_method: ‸liner\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\n", "MTK1001", "Did you mean 'linear'?")]
    [InlineData("merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: ‸heavy}\n", "MTK1003", "'heavy'", false)]
    [InlineData(
        "merge_method: linear\nmodels:\n  - model: models/a\n    parameters:\n      weight: 1\n      ‸wieght: 1\n",
        "MTK1009",
        "Did you mean 'weight'?")]
    [InlineData(
        "merge_method: linear\ndtype: ‸int4\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\n", "MTK1003", "element type")]
    [InlineData("merge_method: linear\nmodels:\n  - model: ‸models/nowhere\n    parameters: {weight: 1}\n", "MTK3001", "does not exist")]
    [InlineData("merge_method: linear\nmodels:\n  - model: ‸hf:some/model/file\n    parameters: {weight: 1}\n", "MTK3040", "hf:org/name")]
    [InlineData("merge_method: linear\nmodels:\n  - model: ‸hf:some/model\n    parameters: {weight: 1}\n", "MTK3001", "RestoreModels")]
    public void Are_refused_where_they_stand(string recipe, string code, string hint, bool alone = true)
    {
        _project.Write("recipe.yml", recipe);
        var diagnostic = alone ? _project.Refused() : _project.RefusedFirst();
        Assert.Equal(code, diagnostic.Code);
        Assert.Contains(hint, diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Laughing_a_billion_times_is_refused()
    {
        var text = string.Concat(Enumerable.Range(1, 40).Select(i => $"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n"));
        Refused("a0: &a0 1\n" + text, "nodes");
        text = string.Concat(Enumerable.Range(1, 40).Select(i => $"a{i}: &a{i}\n  <<: [*a{i - 1}, *a{i - 1}]\n"));
        Refused("a0: &a0 {x: 1}\n" + text, "nodes");
    }

    [Fact]
    public void An_alias_of_what_it_stands_in_is_refused() => Refused("models: &a [*a]\n", "complete");

    [Fact]
    public void Deep_nesting_is_refused() => Refused(new string('[', 100_000), "deep");

    [Fact]
    public void Any_cut_or_changed_recipe_is_read_or_refused_and_nothing_else()
    {
        const string recipe =
            "merge_method: ties\nbase_model: x\nmodels:\n  - model: y\n    parameters:\n      weight: [0.1, {filter: mlp, value: 2}]\n   "
                + "   density: 0.5 # share\nparameters: {normalize: true}\ndtype: bfloat16\n";
        var random = new Random(3);
        for (var i = 0; i < 20_000; i++)
        {
            var text = recipe.ToCharArray();
            for (var change = 0; change <= i % 3; change++)
                text[random.Next(text.Length)] = "\0\t\n'\"[]{}:,-&*!|>%@`#?x1"[random.Next(23)];
            var exception = Record.Exception(() => RecipeReader.Parse("recipe.yml", new string(text)[..random.Next(recipe.Length + 1)]));
            Assert.True(exception is null or DiagnosticException, exception?.ToString());
        }
    }

    private static void Refused(string text, string reason)
    {
        var exception = Assert.Throws<DiagnosticException>(() => RecipeReader.Parse("recipe.yml", text));
        Assert.Equal(DiagnosticCode.RecipeSyntax, Assert.Single(exception.Diagnostics).Code);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }
}
