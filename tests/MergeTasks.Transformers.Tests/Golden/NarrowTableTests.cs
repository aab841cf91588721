using MergeTasks.TestSupport;

namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>
/// OPT's tables narrower than its layers. With token table T and projections P and Q, it is the model whose table is T · Pᵀ and whose
/// output is T · Q; by the chain rule their gradients belong together too.
/// </summary>
public class NarrowTableTests
{
    private const int Narrow = 10;

    public static IEnumerable<object[]> Engines => TestedEngines.Names.Select(engine => new object[] { engine });

    [Theory]
    [MemberData(nameof(Engines))]
    public void Projected_tables_are_the_products(string engine)
    {
        using var golden = new GoldenModel("opt-A", engine);
        var tensors = TestCheckpoint.ReadFile(Path.Combine(golden.Folder, "model.safetensors"));
        const string table = "model.decoder.embed_tokens.weight";
        var (rows, width) = ((int)tensors[table].Shape[0], (int)tensors[table].Shape[1]);
        var (t, p, q) = (Matrix(1, rows, Narrow), Matrix(2, width, Narrow), Matrix(3, Narrow, width));
        var (input, output) = (Product(t, Turned(p)), Product(t, q));
        using var plainFolder = Changed("""{"tie_word_embeddings":false}""", [(table, input), ("lm_head.weight", output)]);
        using var projectedFolder = Changed(
            $$"""{"word_embed_proj_dim":{{Narrow}}}""",
            [(table, t), ("model.decoder.project_in.weight", p), ("model.decoder.project_out.weight", q)]);
        using var plain = plainFolder.Load(engine);
        using var projected = projectedFolder.Load(engine);
        var (expected, actual) = (new GradientCollector(), new GradientCollector());
        var scores = plain.Backward(golden.Batch, golden.Targets, expected);
        var others = projected.Backward(golden.Batch, golden.Targets, actual);
        Assert.All(scores.Zip(others), pair => Assert.Equal(pair.First.LogProbability, pair.Second.LogProbability, 1e-4));
        var (dInput, dOutput) = (Of(expected[table], width), Of(expected["lm_head.weight"], width));
        var dTable = Product(dInput, p).Zip(Product(dOutput, Turned(q)), (x, y) => x.Zip(y, (a, b) => a + b).ToArray()).ToArray();
        Near(dTable, actual[table]);
        Near(Product(Turned(dInput), t), actual["model.decoder.project_in.weight"]);
        Near(Product(Turned(t), dOutput), actual["model.decoder.project_out.weight"]);
        string[] own = [table, "lm_head.weight"];
        foreach (var name in expected.Names.Except(own).Where(name => !name.EndsWith("k_proj.bias", StringComparison.Ordinal)))
            Assert.InRange(Compare.Relative(expected[name], actual[name]), 0, 1e-4);
    }

    private static ChangedModel Changed(string change, (string Name, float[][] Values)[] matrices)
    {
        var changed = new ChangedModel("opt-A", change);
        var path = Path.Combine(changed.Folder, "model.safetensors");
        var tensors = TestCheckpoint.ReadFile(path).ToDictionary(tensor => tensor.Key, tensor => tensor.Value);
        foreach (var (name, values) in matrices)
            tensors[name] = RawTensor.F32([values.Length, values[0].Length], [.. values.SelectMany(row => row)]);
        TestCheckpoint.WriteFile(path, [.. tensors.Select(tensor => (tensor.Key, tensor.Value))]);
        return changed;
    }

    private static void Near(float[][] expected, float[] actual) =>
        Assert.InRange(Compare.Relative([.. expected.SelectMany(row => row)], actual), 0, 1e-4);

    private static float[][] Matrix(int seed, int rows, int columns)
    {
        var random = new Random(seed);
        float[] Row() => [.. Enumerable.Range(0, columns).Select(_ => (float)(random.NextDouble() - 0.5))];
        return [.. Enumerable.Range(0, rows).Select(_ => Row())];
    }

    private static float[][] Of(float[] values, int columns) => [.. values.Chunk(columns)];

    private static float[][] Turned(float[][] matrix) =>
        [.. Enumerable.Range(0, matrix[0].Length).Select(column => matrix.Select(row => row[column]).ToArray())];

    private static float[][] Product(float[][] left, float[][] right) =>
        [.. left.Select(row => Enumerable.Range(0, right[0].Length).Select(j => Along(row, right, j)).ToArray())];

    private static float Along(float[] row, float[][] right, int column) =>
        (float)row.Select((x, k) => (double)x * right[k][column]).Sum();
}
