using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Tests.Assembling;

/// <summary>Another model's tokenizer on a model: rows as the real tool makes them, and whatever else follows.</summary>
public sealed class TransplantedTokenizers : IDisposable
{
    private static readonly string Data = Path.Combine(AppContext.BaseDirectory, "Data", "mergekit");

    private static readonly int[] Missing = [80, 81, 98, 99];

    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    /// <summary>Outputs of mergekit-tokensurgeon 0.1.5 with <c>-k 4</c>.</summary>
    [Theory]
    [InlineData("zero")]
    [InlineData("mean")]
    [InlineData("subword")]
    [InlineData("common_interpolation")]
    [InlineData("omp")]
    public void Are_those_of_the_real_tool(string approximation)
    {
        Declare(("Approximation", approximation), ("ApproximationTokens", "4"));
        _space.RunAll();
        var (result, own) = (_space.Result("m"), TestCheckpoint.Read(Model("base")));
        var given = TestCheckpoint.ReadFile(Path.Combine(Data, "tokensurgeon", approximation + ".safetensors"));
        Assert.All(own.Where(pair => !given.ContainsKey(pair.Key)), pair => Assert.Equal(pair.Value.Bytes, result[pair.Key].Bytes));
        foreach (var (name, rows) in given)
        {
            var (old, made) = (own[name].Floats(), result[name].Floats());
            Assert.Equal([100, 32], result[name].Shape);
            Assert.Equal(old[..(80 * 32)], made[..(80 * 32)]);
            Assert.Equal(old[(80 * 32)..], made[(82 * 32)..(98 * 32)]);
            Assert.All(
                rows.Floats().Zip(Missing.SelectMany(row => made[(row * 32)..((row + 1) * 32)])),
                pair => Assert.InRange(pair.First - pair.Second, -2e-7, 2e-7));
        }

        Assert.Equal(
            File.ReadAllBytes(Path.Combine(Model("x"), "tokenizer.json")),
            File.ReadAllBytes(Path.Combine(_space.Output("m"), "tokenizer.json")));
        Assert.Equal(100, (int)Config(_space.Output("m"))["vocab_size"]!);
    }

    /// <summary>On tokens that both have, the model computes what it did.</summary>
    [Fact]
    public void Leave_the_models_function_on_common_tokens()
    {
        Declare();
        _space.RunAll();
        var (expected, actual) = (Logits(Model("base"), [4, 17, 85, 90]), Logits(_space.Output("m"), [4, 17, 87, 92]));
        Assert.All(Enumerable.Range(0, 80), token => Assert.Equal(expected[token], actual[token]));
        Assert.All(Enumerable.Range(80, 16), token => Assert.Equal(expected[token], actual[token + 2]));
    }

    [Fact]
    public void Give_back_a_row_that_is_a_mixture_in_both_spaces()
    {
        // The same linear map between the tables, and a new token that is a sum of two: pursuit finds both.
        var giver = Copy("x", tensors =>
        {
            var (ours, theirs) = (TestCheckpoint.Read(Model("base"))["model.embed_tokens.weight"].Floats(), new float[100 * 32]);
            for (var row = 0; row < 96; row++)
                for (var column = 0; column < 32; column++)
                    theirs[((row < 80 ? row : row + 2) * 32) + column] = 2 * ours[(row * 32) + (31 - column)];
            for (var column = 0; column < 32; column++)
                theirs[(99 * 32) + column] = theirs[(5 * 32) + column] - (0.5f * theirs[(40 * 32) + column]);
            tensors["model.embed_tokens.weight"] = RawTensor.F32([100, 32], theirs);
        });
        _space.Merge("m", ("Method", "transplant"), ("Base", Model("base")), ("ApproximationTokens", "16"));
        _space.Source(giver);
        _space.RunAll();
        const string name = "model.embed_tokens.weight";
        var (table, made) = (TestCheckpoint.Read(Model("base"))[name].Floats(), _space.Result("m")[name].Floats());
        Assert.All(Enumerable.Range(0, 32), column => Assert.Equal(
            table[(5 * 32) + column] - (0.5f * table[(40 * 32) + column]), made[(99 * 32) + column], 1e-5));
    }

    [Fact]
    public void Find_tokens_that_are_written_otherwise()
    {
        // A SentencePiece vocabulary writes a space as ▁, and bytes as <0x..>.
        var giver = Copy("x", _ => { });
        var tokenizer = JsonNode.Parse(File.ReadAllText(Path.Combine(giver, "tokenizer.json")))!;
        var vocabulary = tokenizer["model"]!["vocab"]!.AsObject();
        var ids = vocabulary.ToDictionary(pair => pair.Key, pair => (int)pair.Value!);
        vocabulary.Clear();
        foreach (var (token, id) in ids)
            vocabulary[token == "a" ? "<0x61>" : token.Replace('Ġ', '▁')] = id;
        tokenizer["model"]!["merges"] = new JsonArray();
        tokenizer["model"]!["byte_fallback"] = true;
        (tokenizer["pre_tokenizer"], tokenizer["decoder"], tokenizer["post_processor"]) = (null, null, null);
        File.WriteAllText(Path.Combine(giver, "tokenizer.json"), tokenizer.ToJsonString());
        _space.Merge("m", ("Method", "transplant"), ("Base", Model("base")), ("Approximation", "zero"));
        _space.Source(giver);
        _space.RunAll();
        var (own, made) = (TestCheckpoint.Read(Model("base"))["lm_head.weight"].Floats(), _space.Result("m")["lm_head.weight"].Floats());
        Assert.Equal(own[..(80 * 32)], made[..(80 * 32)]);
    }

    [Fact]
    public void End_texts_where_the_other_tokenizer_does()
    {
        var giver = Copy("x", _ => { });
        foreach (var (file, from, to) in new[]
        {
            ("tokenizer.json", "\"</s>\"", "\"<end>\""), ("config.json", "\"eos_token_id\": 2", "\"eos_token_id\": 99"),
        })
        {
            var path = Path.Combine(giver, file);
            File.WriteAllText(path, File.ReadAllText(path).Replace(from, to, StringComparison.Ordinal));
        }

        _space.Merge("m", ("Method", "transplant"), ("Base", Model("base")), ("Approximation", "mean"));
        _space.Source(giver);
        _space.RunAll();
        Assert.Equal((1, 99), ((int)Config(_space.Output("m"))["bos_token_id"]!, (int)Config(_space.Output("m"))["eos_token_id"]!));
    }

    [Fact]
    public void Are_kept_while_nothing_changes_and_made_anew_where_the_other_model_does()
    {
        var giver = Copy("x", _ => { });
        _space.Merge("m", ("Method", "transplant"), ("Base", Model("base")));
        _space.Source(giver);
        _space.RunAll();
        Assert.True(_space.State("m").IsFresh);
        var tensors = TestCheckpoint.Read(giver);
        tensors["lm_head.weight"] = RawTensor.F32([100, 32], [.. tensors["lm_head.weight"].Floats().Select(value => value * 2)]);
        tensors["model.norm.weight"] = RawTensor.F32([32], new float[32]);
        TestCheckpoint.WriteFile(Path.Combine(giver, "model.safetensors"), [.. tensors.Select(pair => (pair.Key, pair.Value))]);
        Assert.Equal(1, _space.State("m").StaleTensorCount);
    }

    [Fact]
    public void Say_the_same_in_the_recipe_that_they_leave()
    {
        Declare(("Approximation", "common_interpolation"), ("ApproximationTokens", "7"));
        _space.RunAll();
        var recipe = Path.Combine(_space.Folder, "again.yml");
        File.WriteAllText(recipe, File.ReadAllText(Path.Combine(_space.Output("m"), "README.md")).Split("```yaml\n")[1].Split("```")[0]);
        var digest = _space.State("m").Plan.TensorsDigest;
        _space.Clear();
        _space.Merge(recipe);
        Assert.Equal(digest, _space.State("again").Plan.TensorsDigest);
    }

    [Theory]
    [InlineData("transplant", "stb", "MTK1003")]
    [InlineData("transplant", "landmark_pca", "MTK1003")]
    [InlineData("passthrough", "omp", "MTK1003")]
    public void Are_refused(string method, string approximation, string code)
    {
        _space.Merge("m", ("Method", method), ("Base", Model("base")), ("Approximation", approximation));
        _space.Source(Model("x"));
        var fault = Assert.Throws<DiagnosticException>(() => _space.Plan());
        Assert.Equal(code, $"{Assert.Single(fault.Diagnostics).Code}");
    }

    [Fact]
    public void Need_a_tokenizer_and_one_model_that_gives_it()
    {
        var without = Copy("x", _ => { });
        File.Delete(Path.Combine(without, "tokenizer.json"));
        _space.Merge("m", ("Method", "transplant"), ("Base", Model("base")));
        _space.Source(without);
        Assert.Equal("MTK3031", $"{Assert.Single(Assert.Throws<DiagnosticException>(() => _space.Plan()).Diagnostics).Code}");
        _space.Source(Model("x"));
        Assert.Equal("MTK1006", $"{Assert.Single(Assert.Throws<DiagnosticException>(() => _space.Plan()).Diagnostics).Code}");
    }

    private void Declare(params (string, string)[] metadata)
    {
        _space.Merge("m", [("Method", "transplant"), ("Base", Model("base")), .. metadata]);
        _space.Source(Model("x"));
    }

    private string Copy(string name, Action<Dictionary<string, RawTensor>> change)
    {
        var folder = Path.Combine(_space.Folder, "copy-" + name);
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(Model(name), "*.json"))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        var tensors = TestCheckpoint.Read(Model(name));
        change(tensors);
        TestCheckpoint.WriteFile(Path.Combine(folder, "model.safetensors"), [.. tensors.Select(pair => (pair.Key, pair.Value))]);
        return folder;
    }

    private static string Model(string name) => Path.Combine(Data, "models", "llama-f32-" + name);

    private static JsonObject Config(string folder) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();

    private static float[] Logits(string folder, int[] tokens)
    {
        using var model = new CpuEngine(new EngineOptions { Threads = 1 }).Load(folder);
        return model.Logits(TokenBatch.Of(tokens), [(0, tokens.Length - 1)]);
    }
}
