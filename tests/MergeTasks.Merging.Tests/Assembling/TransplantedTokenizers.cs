using System.Text.Json.Nodes;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Assembling;
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

    /// <summary>
    /// Outputs of mergekit-tokensurgeon 0.1.5 with <c>-k 4</c>; of the variants and of what the tool itself crashes at (<c>stb</c>), those
    /// of its functions with the same tables.
    /// </summary>
    [Theory]
    [InlineData("zero", "zero")]
    [InlineData("mean", "mean")]
    [InlineData("subword", "subword")]
    [InlineData("common_interpolation", "common_interpolation")]
    [InlineData("omp", "omp")]
    [InlineData("cosine", "common_interpolation", 4, "CosineSimilarity", "true")]
    [InlineData("cosine-64", "common_interpolation", 64, "CosineSimilarity", "true")]
    [InlineData("barycentric", "common_interpolation", 4, "WeightScheme", "barycentric")]
    [InlineData("least_squares", "common_interpolation", 4, "WeightScheme", "least_squares")]
    [InlineData("least_squares-64", "common_interpolation", 64, "WeightScheme", "least_squares")]
    [InlineData("mp_rope", "mp_rope")]
    [InlineData("mp_rope-64", "mp_rope", 64)]
    [InlineData("stb", "stb")]
    [InlineData("stb-16", "stb", 16)]
    public void Are_those_of_the_real_tool(string file, string approximation, int tokens = 4, string option = "", string value = "")
    {
        (string, string)[] more = option.Length > 0 ? [(option, value)] : [];
        Declare([("Approximation", approximation), ("ApproximationTokens", $"{tokens}"), .. more]);
        _space.RunAll();
        var (result, own) = (_space.Result("m"), TestCheckpoint.Read(Model("base")));
        var given = TestCheckpoint.ReadFile(Path.Combine(Data, "tokensurgeon", file + ".safetensors"));
        Assert.All(own.Where(pair => !given.ContainsKey(pair.Key)), pair => Assert.Equal(pair.Value.Bytes, result[pair.Key].Bytes));
        foreach (var (name, rows) in given)
        {
            var (old, made) = (own[name].Floats(), result[name].Floats());
            Assert.Equal([100, 32], result[name].Shape);
            Assert.Equal(old[..(80 * 32)], made[..(80 * 32)]);
            Assert.Equal(old[(80 * 32)..], made[(82 * 32)..(98 * 32)]);

            // fp32 there, in systems of equations of which some are badly conditioned (stb of tables that have nothing to do with each
            // other).
            var tolerance = approximation == "stb" ? 3e-4 * rows.Floats().Max(Math.Abs)
                : file == "barycentric" ? 1e-6
                : tokens > 4 ? 2e-5
                : 2e-7;
            Assert.All(
                rows.Floats().Zip(Missing.SelectMany(row => made[(row * 32)..((row + 1) * 32)])),
                pair => Assert.InRange(pair.First - pair.Second, -tolerance, tolerance));
        }

        Assert.Equal(
            File.ReadAllBytes(Path.Combine(Model("x"), "tokenizer.json")),
            File.ReadAllBytes(Path.Combine(_space.Output("m"), "tokenizer.json")));
        Assert.Equal(100, (int)Config(_space.Output("m"))["vocab_size"]!);
    }

    /// <summary>Where one table is a rotation of the other, moved, new rows go the same way; so they do into fewer and more columns.</summary>
    [Theory]
    [InlineData(32, 32)]
    [InlineData(32, 20)]
    [InlineData(20, 32)]
    public void Are_turned_as_the_common_tokens_are(int from, int to)
    {
        // Rows that differ in the smaller number of directions only, which a slow Gram–Schmidt makes.
        var random = new Random(5);
        var (narrow, rows) = (Math.Min(from, to), 120);
        var directions = (Orthonormal(random, narrow, from), Orthonormal(random, narrow, to));
        var (theirs, ours, moved) = (new float[rows * from], new float[rows * to], Enumerable.Range(0, to).Select(i => i / 7.0).ToArray());
        for (var row = 0; row < rows; row++)
        {
            var parts = Enumerable.Range(0, narrow).Select(i => (random.NextDouble() - 0.5) / (i + 1)).ToArray();
            for (var c = 0; c < from; c++)
                theirs[(row * from) + c] = (float)parts.Select((part, i) => part * directions.Item1[i][c]).Sum();
            for (var c = 0; c < to; c++)
                ours[(row * to) + c] = (float)(moved[c] + parts.Select((part, i) => part * directions.Item2[i][c]).Sum());
        }

        var common = Enumerable.Range(0, 100).ToArray();
        var transplant = new Transplant([.. common, .. Enumerable.Repeat(-1, 20)], [.. Enumerable.Range(100, 20)], common);
        var settings = new TransplantSettings { Approximation = RowApproximation.LandmarkPca, Scale = 1 };
        var made = new RowMaker(settings, transplant, null, 0, 1).Make(
            new(Table(ours[..(100 * to)], to), Table(theirs, from), null!, false, "t"));
        Assert.All(made.Zip(ours[(100 * to)..]), pair => Assert.Equal(pair.Second, pair.First, 1e-5));
    }

    /// <summary>
    /// The tool applies the transposed rotation, whose result depends on the signs that its components happen to have. What both have in
    /// common is that a row keeps its distance from the mean of what both models have.
    /// </summary>
    [Fact]
    public void Are_as_far_from_the_mean_as_the_tools_rotation_puts_them()
    {
        Declare(("Approximation", "landmark_pca"));
        _space.RunAll();
        var given = TestCheckpoint.ReadFile(Path.Combine(Data, "tokensurgeon", "landmark_pca.safetensors"));
        foreach (var (name, rows) in given)
        {
            var (old, made) = (TestCheckpoint.Read(Model("base"))[name].Floats(), _space.Result("m")[name].Floats());
            var theirs = TestCheckpoint.Read(Model("x"))[name].Floats();
            int[] common = [.. Enumerable.Range(0, 80), .. Enumerable.Range(82, 16)];
            var (from, to) = (MeanOf(theirs, common), MeanOf(old, [.. Enumerable.Range(0, 96)]));
            foreach (var (i, row) in Missing.Index())
            {
                var length = Distance(theirs, row, from);
                Assert.Equal(length, Distance(made, row, to), 1e-6);
                Assert.Equal(length, Distance(rows.Floats(), i, to), 1e-5);
            }
        }
    }

    [Theory]
    [InlineData("randn", 1.0)]
    [InlineData("john_hewitt", 0.0)]
    public void Are_drawn_by_seed_from_the_distribution_that_is_asked_for(string approximation, double deviation)
    {
        // Many new rows: their mean and covariance are those of the model's rows.
        const int columns = 4, count = 4000;
        var random = new Random(3);
        var own = new float[60 * columns];
        for (var row = 0; row < 60; row++)
        {
            var shared = random.NextDouble() - 0.5;
            for (var c = 0; c < columns; c++)
                own[(row * columns) + c] = (float)(c + shared + ((random.NextDouble() - 0.5) * (c + 1)));
        }

        var transplant = new Transplant([.. Enumerable.Repeat(-1, count)], [.. Enumerable.Range(0, count)], []);
        var settings = new TransplantSettings
        {
            Approximation = approximation == "randn" ? RowApproximation.Randn : RowApproximation.JohnHewitt,
            Scale = 1,
        };
        float[] Make(long seed) => new RowMaker(settings, transplant, null, seed, 1).Make(
            new(Table(own, columns), Table(own, columns), null!, false, "t"));
        var made = Make(1);
        Assert.Equal(made, Make(1));
        Assert.NotEqual(made, Make(2));
        for (var a = 0; a < columns; a++)
            for (var b = 0; b < columns; b++)
            {
                var wanted = deviation > 0 ? (a == b ? deviation : 0) : Covariance(own, columns, a, b);
                var scale = deviation > 0 ? 1 : Math.Sqrt(Covariance(own, columns, a, a) * Covariance(own, columns, b, b));
                Assert.InRange(Covariance(made, columns, a, b) - wanted, -0.1 * scale, 0.1 * scale);
            }

        Assert.All(Enumerable.Range(0, columns), c => Assert.InRange(
            Column(made, columns, c).Average() - (deviation > 0 ? 0 : Column(own, columns, c).Average()), -0.1, 0.1));
    }

    [Theory]
    [InlineData("mean", new[] { 1, 1, 1 }, new[] { 1, 1, 1 })]
    [InlineData("sum", new[] { 3, 3, 3 }, new[] { 3, 3, 3 })]
    [InlineData("weighted_mean", new[] { 3, 2, 1 }, new[] { 1, 2, 3 })]
    [InlineData("first_last", new[] { 0, 0, 1 }, new[] { 1, 0, 0 })]
    public void Are_pieces_put_together(string method, int[] inEmbeddings, int[] inHead)
    {
        // A token that the base divides in three: two of its tokens and one between.
        var giver = Copy("x", _ => { });
        var path = Path.Combine(giver, "tokenizer.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("<|im_start|>", "azb", StringComparison.Ordinal));
        _space.Merge(
            "m", ("Method", "transplant"), ("Base", Model("base")), ("Approximation", "subword"), ("SubwordMethod", method),
            ("NewVocabScale", "2"));
        _space.Source(giver);
        _space.RunAll();
        var own = TestCheckpoint.Read(Model("base"));
        var ids = JsonNode.Parse(File.ReadAllText(Path.Combine(Model("base"), "tokenizer.json")))!["model"]!["vocab"]!;
        int[] pieces = [.. "azb".Select(letter => (int)ids[$"{letter}"]!)];
        foreach (var (name, weights) in new[] { ("model.embed_tokens.weight", inEmbeddings), ("lm_head.weight", inHead) })
        {
            var (table, made) = (own[name].Floats(), _space.Result("m")[name].Floats());
            var total = method == "sum" ? 3.0 : weights.Sum(); // the sum itself: weights of 3 over 3
            Assert.All(Enumerable.Range(0, 32), column => Assert.Equal(
                2 * pieces.Select((piece, i) => weights[i] * table[(piece * 32) + column]).Sum() / total,
                made[(98 * 32) + column],
                1e-6));
        }
    }

    [Fact]
    public void Are_those_of_the_longest_prefix_where_that_is_asked_for_and_get_noise_where_made()
    {
        var giver = Copy("x", _ => { });
        var path = Path.Combine(giver, "tokenizer.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("<|im_start|>", "a?!", StringComparison.Ordinal));
        _space.Merge(
            "m", ("Method", "transplant"), ("Base", Model("base")), ("Approximation", "zero"), ("PrefixMatch", "embed"),
            ("NewVocabNoise", "0.5"), ("Seed", "3"));
        _space.Source(giver);
        _space.RunAll();
        var (own, made) = (TestCheckpoint.Read(Model("base")), _space.Result("m"));
        var id = (int)JsonNode.Parse(File.ReadAllText(Path.Combine(Model("base"), "tokenizer.json")))!["model"]!["vocab"]!["a"]!;
        const string embeddings = "model.embed_tokens.weight", head = "lm_head.weight";
        Assert.Equal(own[embeddings].Floats()[(id * 32)..((id + 1) * 32)], made[embeddings].Floats()[(98 * 32)..(99 * 32)]);
        var noise = made[head].Floats()[(98 * 32)..].Concat(made[embeddings].Floats()[(99 * 32)..]).ToArray();
        Assert.InRange(Math.Sqrt(noise.Average(value => value * value)), 0.4, 0.6);
    }

    /// <summary>Which rows the tool takes for untrained was found with its function and the same tables.</summary>
    [Fact]
    public void Leave_out_tokens_that_look_untrained()
    {
        var (a, b) = (TestCheckpoint.Read(Model("x")), TestCheckpoint.Read(Model("base")));
        const string embeddings = "model.embed_tokens.weight", head = "lm_head.weight";
        Assert.Equal([0, .. Enumerable.Range(90, 10)], Untrained(90, a[embeddings].Floats(), a[head].Floats()));
        Assert.Empty(Untrained(96, b[embeddings].Floats(), null));
        Assert.Equal([11], Untrained(96, b[embeddings].Floats(), b[head].Floats()));

        // The model's row 11 looks untrained, the other's 0: one is made, the other copied nowhere.
        Declare(("Approximation", "mean"), ("Magikarp", "true"));
        _space.RunAll();
        var (old, made) = (b[embeddings].Floats(), _space.Result("m")[embeddings].Floats());
        Assert.NotEqual(old[(11 * 32)..(12 * 32)], made[(11 * 32)..(12 * 32)]);
        Assert.Equal(old[(12 * 32)..(80 * 32)], made[(12 * 32)..(80 * 32)]);

        int[] Untrained(int tokens, float[] table, float[]? other) =>
        [
            .. TrainedRows.Of(
                Enumerable.Range(0, tokens).Select(id => KeyValuePair.Create($"t{id}", id)), Table(table, 32),
                other is null ? null : Table(other, 32))
                .Index().Where(pair => !pair.Item).Select(pair => pair.Index),
        ];
    }

    [Fact]
    public void Have_as_many_rows_as_the_tokenizer_has_ids_and_find_special_tokens_by_their_role()
    {
        // Ten rows of padding, and another text for the end of texts.
        var giver = Copy("x", tensors =>
        {
            foreach (var name in new[] { "model.embed_tokens.weight", "lm_head.weight" })
                tensors[name] = RawTensor.F32([110, 32], [.. tensors[name].Floats(), .. new float[320]]);
        });
        foreach (var file in new[] { "tokenizer.json", "tokenizer_config.json" })
        {
            var path = Path.Combine(giver, file);
            File.WriteAllText(path, File.ReadAllText(path).Replace("</s>", "<finis>", StringComparison.Ordinal));
        }

        _space.Merge("m", ("Method", "transplant"), ("Base", Model("base")), ("Approximation", "zero"), ("ByteMatch", "no"));
        _space.Source(giver);
        _space.RunAll();
        var (own, made) = (TestCheckpoint.Read(Model("base"))["lm_head.weight"].Floats(), _space.Result("m")["lm_head.weight"]);
        Assert.Equal([100, 32], made.Shape);
        Assert.Equal(own[..(80 * 32)], made.Floats()[..(80 * 32)]);
    }

    [Fact]
    public void Need_rotary_positions_to_turn_rows_by_them()
    {
        var giver = Copy("x", _ => { });
        var path = Path.Combine(giver, "config.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("rope_theta", "rope_theta_", StringComparison.Ordinal));
        _space.Merge("m", ("Method", "transplant"), ("Base", Model("base")), ("Approximation", "mp_rope"));
        _space.Source(giver);
        var fault = Assert.Single(Assert.Throws<DiagnosticException>(() => _space.Plan()).Diagnostics);
        Assert.Contains("rope_theta", fault.Message, StringComparison.Ordinal);
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
    [InlineData("transplant", "barycentric", "MTK1003")]
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

    private static TableRows Table(float[] values, int columns) => new(new TensorInMemory(values), [values.Length / columns, columns]);

    private static IEnumerable<double> Column(float[] table, int columns, int column) =>
        Enumerable.Range(0, table.Length / columns).Select(row => (double)table[(row * columns) + column]);

    private static double Covariance(float[] table, int columns, int a, int b)
    {
        var (meanA, meanB) = (Column(table, columns, a).Average(), Column(table, columns, b).Average());
        return Column(table, columns, a).Zip(Column(table, columns, b)).Average(pair => (pair.First - meanA) * (pair.Second - meanB));
    }

    private static double[] MeanOf(float[] table, int[] rows) =>
        [.. Enumerable.Range(0, 32).Select(column => rows.Average(row => (double)table[(row * 32) + column]))];

    private static double Distance(float[] table, int row, double[] mean) =>
        Math.Sqrt(Enumerable.Range(0, 32).Sum(column => Math.Pow(table[(row * 32) + column] - mean[column], 2)));

    private static double[][] Orthonormal(Random random, int count, int length)
    {
        var vectors = new double[count][];
        for (var i = 0; i < count; i++)
        {
            var own = vectors[i] = [.. Enumerable.Range(0, length).Select(_ => random.NextDouble() - 0.5)];
            for (var round = 0; round < 2; round++)
                for (var j = 0; j < i; j++)
                {
                    var product = own.Zip(vectors[j]).Sum(pair => pair.First * pair.Second);
                    for (var c = 0; c < length; c++)
                        own[c] -= product * vectors[j][c];
                }

            var norm = Math.Sqrt(own.Sum(value => value * value));
            for (var c = 0; c < length; c++)
                own[c] /= norm;
        }

        return vectors;
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
