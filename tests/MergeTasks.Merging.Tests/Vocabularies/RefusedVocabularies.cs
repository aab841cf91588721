using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Tests.Refused;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Vocabularies;

/// <summary>Vocabularies, rules for tokens and chat templates that do not go together; one error each, at its place.</summary>
public sealed class RefusedVocabularies : IDisposable
{
    private const string Embeddings = "model.embed_tokens.weight";

    private readonly WrittenProject _project = new();

    public RefusedVocabularies()
    {
        Model("a", 4, TinyTokenizer.Words(["?", "red", "green"]));
        Model("b", 4, TinyTokenizer.Words(["?", "red", "green"]));
        Project("", "‸");
    }

    public void Dispose() => _project.Dispose();

    [Fact]
    public void The_models_that_the_others_are_made_from_are_valid() => _project.Build().Validate(default);

    [Fact]
    public void Different_tokens_are_named_with_the_ways_out()
    {
        Model("b", 4, TinyTokenizer.Words(["?", "green", "red", "pi\tnk"]));
        var message = Refused("MTK3030");
        Assert.Contains(
            "'red' is 1 in 'models/a' and 2 in 'models/b', 'green' is 2 in 'models/a' and 1 in 'models/b', 'pi\\u0009nk' (3) only in "
                + "'models/b'.", message, StringComparison.Ordinal);
        Assert.Contains("TokenizerSource=\"union\"", message, StringComparison.Ordinal);
        Assert.Contains("\"base\"", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ten_tokens_are_named_at_most()
    {
        Model("b", 40, TinyTokenizer.Words(["?", "red", "green", .. Enumerable.Range(0, 25).Select(i => $"t{i}")]));
        var message = Refused("MTK3030");
        Assert.Contains("'t9'", message, StringComparison.Ordinal);
        Assert.DoesNotContain("'t10'", message, StringComparison.Ordinal);
        Assert.Contains("15 more", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Added_tokens_count()
    {
        Model("b", 4, TinyTokenizer.Words(["?", "red", "green"], ("<chat>", 3)));
        Assert.Contains("'<chat>' (3) only in 'models/b'", Refused("MTK3030"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_beyond_the_embeddings()
    {
        Project("", "", "‸");
        Model("a", 3, TinyTokenizer.Words(["?", "red", "green"], ("<pad>", 3)));
        var message = Refused("MTK3031");
        Assert.Contains("has 3 embedding rows, but its tokenizer gives '<pad>' the id 3", message, StringComparison.Ordinal);
        Assert.Contains("TokenizerSource=\"base\"", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_beyond_the_embeddings_gets_a_row_with_a_source()
    {
        Model("a", 3, TinyTokenizer.Words(["?", "red", "green"], ("<pad>", 3)));
        Project("""TokenizerSource="base" """, "");
        var build = _project.Build();
        build.Run("m", _project["m.lock"], MergeProgress.None, default);
        Assert.Equal([4, 1], TestCheckpoint.Read(_project["out", "m"])[Embeddings].Shape);
    }

    [Fact]
    public void A_source_that_takes_no_part()
    {
        _project.Model("c", (Embeddings, RandomTensors.F32(1, 4, 1)));
        Project("""‸TokenizerSource="models/c" """, "");
        Assert.Contains("takes no part", Refused("MTK1030"), StringComparison.Ordinal);
        Project("""‸TokenizerSource="unoin" """, "");
        Assert.Contains("Did you mean 'union'?", Refused("MTK1030"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_tokenizer()
    {
        File.Delete(_project["models", "b", "tokenizer.json"]);
        Project("""TokenizerSource="union" """, "‸");
        Assert.Contains("'models/b' has no tokenizer.json", Refused("MTK3031"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "not valid JSON")]
    [InlineData("[]", "has no 'model' with a 'vocab'")]
    [InlineData("""{"model": {"vocab": 3}}""", "neither an object nor a list")]
    [InlineData("""{"model": {"vocab": {}}}""", "has no token")]
    [InlineData("""{"model": {"vocab": {"a": -1}}}""", "no whole number")]
    [InlineData("""{"model": {"vocab": {"a": "b"}}}""", "is not a tokenizer's")]
    [InlineData("""{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 3}]}""", "without content or id")]
    [InlineData("""{"model": {"vocab": {"\ud800": 0}}}""", "is not a tokenizer's")]
    public void A_tokenizer_that_is_none(string text, string reason)
    {
        File.WriteAllText(_project["models", "b", "tokenizer.json"], text);
        Project("""TokenizerSource="union" """, "‸");
        Assert.Contains(reason, Refused("MTK3031"), StringComparison.Ordinal);
    }

    [Fact]
    public void Ordinary_tokens_in_a_union_of_unigrams()
    {
        Model("a", 4, TinyTokenizer.Unigram(["?", "red"]));
        Model("b", 4, TinyTokenizer.Unigram(["?", "red", "green"]));
        Project("""‸TokenizerSource="union" """, "");
        Assert.Contains("'green' of 'models/b' cannot be appended to the Unigram vocabulary", Refused("MTK3031"), StringComparison.Ordinal);
    }

    [Fact]
    public void No_embeddings()
    {
        _project.Model("a", ("w", RandomTensors.F32(1, 4)));
        _project.Model("b", ("w", RandomTensors.F32(1, 4)));
        Project("""TokenizerSource="union" """, "", "‸");
        Assert.Contains("no table of embeddings", Refused("MTK3031"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("‸<x>: {}", "no model has the token '<x>'")]
    [InlineData("‸<x>: {source: models/b}", "'models/b' has no row of the token '<x>'")]
    [InlineData("‸<x>: {source: {kind: model_token, model: models/b, token: blue}}", "no row of the token 'blue'")]
    [InlineData("‸<x>: {source: {kind: model_token, model: models/b, token_id: 4}}", "has 4 embedding rows")]
    [InlineData("<x>: {source: ‸models/c}", "takes no part")]
    [InlineData("<x>: {source: {kind: model_token, model: ‸models/c, token: red}}", "takes no part")]
    public void Rules(string rule, string reason)
    {
        _project.Write(
            "m.yml",
            $"merge_method: linear\nparameters: {{weight: 1}}\nmodels:\n  - model: models/a\n  - model: models/b\ntokenizer:\n  "
                + $"tokens:\n    {rule}\n");
        File.WriteAllText(_project["project.csproj"], """<Project><ItemGroup><MergedModel Include="m.yml" /></ItemGroup></Project>""");
        Assert.Contains(reason, Refused("MTK1030"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("chatlm", "Did you mean 'chatml'?")]
    [InlineData("short {", "no chat template")]
    [InlineData("a text without a single brace", "no chat template")]
    public void Chat_templates(string template, string reason)
    {
        Project($"‸ChatTemplate=\"{template}\" ", "");
        Assert.Contains(reason, Refused("MTK1031"), StringComparison.Ordinal);
        _project.Write(
            "m.yml",
            $"merge_method: linear\nparameters: {{weight: 1}}\nmodels:\n  - model: models/a\n  - model: models/b\nchat_template: "
                + $"‸\"{template}\"\n");
        File.WriteAllText(_project["project.csproj"], """<Project><ItemGroup><MergedModel Include="m.yml" /></ItemGroup></Project>""");
        Assert.Contains(reason, Refused("MTK1031"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_multiple_that_is_none()
    {
        Project("""‸TokenizerPadToMultipleOf="0" """, "");
        Assert.Contains("whole number from 1 on", Refused("MTK1003"), StringComparison.Ordinal);
    }

    private void Model(string name, int rows, string tokenizer)
    {
        _project.Model(name, (Embeddings, RandomTensors.F32(rows, rows, 1)));
        File.WriteAllText(_project["models", name, "tokenizer.json"], tokenizer);
    }

    private void Project(string metadata, string second, string first = "") =>
        _project.WriteProject(
            $"""<MergedModel Include="m" Method="linear" {metadata}/><{first}MergeSource Include="models/a" Weight="1" /><{second}MergeSource Include="models/b" Weight="1" />""");

    private string Refused(string code)
    {
        var diagnostic = _project.Refused();
        Assert.Equal(code, diagnostic.Code);
        return diagnostic.Message;
    }
}
