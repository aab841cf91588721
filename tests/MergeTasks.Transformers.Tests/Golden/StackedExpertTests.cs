using System.Text.RegularExpressions;
using MergeTasks.TestSupport;

namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>Checkpoints that hold each layer's experts in two stacks, as the reference holds them in memory, are the same model.</summary>
public partial class StackedExpertTests
{
    public static IEnumerable<object[]> Models => TestedEngines.With(["qwen3_moe-A", "deepseek_v3-A"]);

    [Theory]
    [MemberData(nameof(Models))]
    public void Stacks_are_the_same_model(string engine, string name)
    {
        using var golden = new GoldenModel(name, engine);
        using var folder = new TempFolder();
        File.Copy(Path.Combine(golden.Folder, "config.json"), Path.Combine(folder.Path, "config.json"));
        var tensors = TestCheckpoint.ReadFile(Path.Combine(golden.Folder, "model.safetensors"));
        TestCheckpoint.WriteFile(
            Path.Combine(folder.Path, "model.safetensors"),
            [.. Stacked(tensors.ToDictionary(tensor => tensor.Key, tensor => (tensor.Value.Shape, tensor.Value.Floats())))
            .Select(tensor => (tensor.Key, RawTensor.F32(tensor.Value.Shape, tensor.Value.Values)))]);
        using var model = TestedEngines.Open(engine).Load(folder.Path);
        var gradients = new GradientCollector();
        var scores = model.Backward(golden.Batch, golden.Targets, gradients);
        Assert.Equal(
            golden.Singles("loss")[0], golden.Targets.Zip(scores, (target, score) => target.Weight * score.LogProbability).Sum(), 1e-4);
        var expected = Stacked(golden.NamesOf("grad.").ToDictionary(
            parameter => parameter, parameter => (tensors[parameter].Shape, golden.Singles("grad." + parameter))));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), gradients.Names.Order(StringComparer.Ordinal));
        Assert.All(
            expected,
            parameter => Assert.InRange(Compare.Relative(parameter.Value.Values, gradients[parameter.Key]), 0, Tolerances.Gradient(name)));
    }

    // Gates before the rest, expert after expert.
    private static Dictionary<string, (long[] Shape, float[] Values)> Stacked(Dictionary<string, (long[] Shape, float[] Values)> tensors)
    {
        var result = tensors.Where(tensor => !Expert().IsMatch(tensor.Key)).ToDictionary();
        foreach (var layer in tensors.Where(tensor => Expert().IsMatch(tensor.Key))
            .GroupBy(tensor => Expert().Match(tensor.Key).Groups[1].Value))
        {
            var count = layer.Count() / 3;
            (long[] Shape, float[] Values) Of(int expert, string matrix) => tensors[$"{layer.Key}{expert}.{matrix}.weight"];
            var (rows, columns) = (Of(0, "gate_proj").Shape[0], Of(0, "gate_proj").Shape[1]);
            float[] ups = [
                .. Enumerable.Range(0, count).SelectMany(expert => Of(expert, "gate_proj").Values.Concat(Of(expert, "up_proj").Values))
            ];
            float[] downs = [.. Enumerable.Range(0, count).SelectMany(expert => Of(expert, "down_proj").Values)];
            result.Add(layer.Key + "gate_up_proj", ([count, 2 * rows, columns], ups));
            result.Add(layer.Key + "down_proj", ([count, columns, rows], downs));
        }

        return result;
    }

    [GeneratedRegex(@"^(.*\.mlp\.experts\.)\d+\.")]
    private static partial Regex Expert();
}
