using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>Rows of experts that are packed into one tensor, stored by input: each output of each expert, with its bias, is one.</summary>
public sealed class ScoredExperts
{
    [Fact]
    public void Rows_are_the_outputs_of_each_expert()
    {
        using var project = new ScoredProject("gpt_oss-A", "a");
        project.Declare("passthrough", ["a"], ("Apl", "hidden"), ("AplDrop", "magnitude"), ("AplDensity", "0.25"), ("AplRescale", "none"),
            ("AplTau1", "inf"), ("AplTau2", "inf"), ("AplBudget", "per-parameter"));
        project.Run();
        var (basis, tuned) = (TestCheckpoint.ReadFile(project.Model("base")), TestCheckpoint.ReadFile(project.Model("a")));
        var (kept, products) = (project.Space.Result("m"), project.Score("importance by gradient", "a"));
        var counts = project.Score("changed parameters", "a");
        var gradient = Gradient(project);
        foreach (var name in new[] { "model.layers.0.mlp.experts.gate_up_proj", "model.layers.1.mlp.experts.down_proj" })
        {
            var (experts, inputs, outputs) = (basis[name].Shape[0], basis[name].Shape[1], basis[name].Shape[2]);
            var (b, t, k, g) = (basis[name].Floats(), tuned[name].Floats(), kept[name].Floats(), gradient[name]);
            var (biasB, biasT, biasK) =
                (basis[name + "_bias"].Floats(), tuned[name + "_bias"].Floats(), kept[name + "_bias"].Floats());
            Assert.Equal([experts * outputs], products[name].Shape);
            Assert.Equal([experts * outputs], products[name + "_bias"].Shape);
            for (var unit = 0; unit < experts * outputs; unit++)
            {
                var elements = Enumerable.Range(0, (int)inputs)
                    .Select(input => (int)((((unit / outputs) * inputs) + input) * outputs + (unit % outputs)))
                    .ToList();
                var expected = elements.Sum(i => (double)(t[i] - b[i]) * g[i]);
                Assert.Equal(expected, Values(products[name])[unit], 1e-6);
                Assert.Equal(elements.Count(i => t[i] != b[i]), Values(counts[name])[unit]);

                // A quarter of each row with its bias, the largest changes.
                List<(float Change, bool Kept)> row = [
                    .. elements.Select(i => (Math.Abs(t[i] - b[i]), k[i] != b[i])),
                    (Math.Abs(biasT[unit] - biasB[unit]), biasK[unit] != biasB[unit])
                ];
                Assert.Equal((int)Math.Ceiling(0.25 * row.Count), row.Count(element => element.Kept));
                Assert.True(row.Where(element => element.Kept).Min(element => element.Change)
                    >= row.Where(element => !element.Kept).Max(element => element.Change));
            }
        }
    }

    private static double[] Values(RawTensor tensor) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(tensor.Bytes).ToArray();

    private static Dictionary<string, float[]> Gradient(ScoredProject project)
    {
        var sums = new Summing();
        using var model = project.Engine.Load(Path.GetDirectoryName(project.Model("base"))!);
        var text = new TextModel(model, Tokenizer.Load(project.Model("base", "tokenizer.json")));
        var samples = JsonLines.ReadTasks(project.Data("a.jsonl")).Select(text.Prepare).ToList();
        foreach (var sample in samples)
        {
            var targets = sample.Targets(0).ToList();
            model.Backward(
                TokenBatch.Of([.. sample.Ids]),
                [.. targets.Select(target => target with { Weight = 1.0 / samples.Count / targets.Count })],
                sums);
        }

        return sums.Gradients;
    }

    private sealed class Summing : IGradientReceiver
    {
        public Dictionary<string, float[]> Gradients { get; } = [];

        public void Receive(in GradientPiece piece)
        {
            var all = piece.Shape.ToArray();
            var length = all.Aggregate(1L, (product, dimension) => product * dimension);
            if (!Gradients.TryGetValue(piece.Parameter, out var own))
                Gradients[piece.Parameter] = own = new float[length];
            var start = (int)(piece.FirstRow * (length / all[0]));
            for (var i = 0; i < piece.Values.Length; i++)
                own[start + i] += piece.Values[i];
        }
    }
}
