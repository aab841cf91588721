using MergeTasks.Merging.Tests.Importance;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Adapters;

/// <summary>Scoring runs a model with its adapter: what AIM and APL find is what they find for a folder with the fused weights.</summary>
public sealed class ScoredAdapters
{
    [Fact]
    public void An_adapter_is_scored_as_the_model_that_it_makes()
    {
        using var project = new ScoredProject();
        var tensors = TestCheckpoint.ReadFile(project.Model("base"));
        var targets = tensors.Where(tensor => tensor.Value.Shape.Length == 2 && tensor.Key.Contains("proj", StringComparison.Ordinal))
            .OrderBy(tensor => tensor.Key, StringComparer.Ordinal)
            .ToList();
        Assert.NotEmpty(targets);
        var factors = targets.SelectMany((target, i) =>
            AdapterFolder.Linear(target.Key[..^".weight".Length], 40 + (2 * i), 3, (int)target.Value.Shape[0], (int)target.Value.Shape[1]))
                .ToArray();
        AdapterFolder.Write(Path.Combine(project.Space.Folder, "adapters", "x"), new { r = 3, lora_alpha = 300 }, factors);
        for (var i = 0; i < targets.Count; i++)
            tensors[targets[i].Key] = RawTensor.F32(
                targets[i].Value.Shape,
                Array.ConvertAll(
                    AdapterFolder.Fused(targets[i].Value, factors[2 * i].Tensor, factors[(2 * i) + 1].Tensor, 100), value => (float)value));
        TestCheckpoint.WriteFile(project.Model("a"), [.. tensors.Select(tensor => (tensor.Key, tensor.Value))]);

        var settings =
            new[]
            {
                ("Aim", "0.4"),
                ("AimActivations", "participants"),
                ("Calibration", "data/calibration.txt"),
                ("AimBlock", "32"),
                ("Apl", "tensor"),
                ("AplScoring", "exact"),
                ("AplDrop", "magnitude"),
                ("AplDensity", "0.5")
            };
        project.Declare("task_arithmetic", ["a"], settings);
        project.Run();
        var fused = project.Space.Result("m");
        project.Space.Clear();
        project.Space.Merge("m", [("Method", "task_arithmetic"), ("Base", "models/base"), .. FirstVersion.With(settings)]);
        project.Space.Source("models/base", ("Adapter", "adapters/x"), ("TaskData", "data/a.jsonl"), ("Weight", "0.5"));
        Assert.NotEmpty(project.Run());
        foreach (var (name, tensor) in project.Space.Result("m"))
        {
            var (expected, actual) = (fused[name].Floats(), tensor.Floats());
            var different = Enumerable.Range(0, expected.Length).Count(i => Math.Abs(expected[i] - actual[i]) > 1e-5);

            // A magnitude that lies next to the threshold may fall on its other side.
            Assert.InRange(different, 0, 2);
        }

        Assert.Contains(
            fused, tensor => !tensor.Value.Bytes.SequenceEqual(TestCheckpoint.ReadFile(project.Model("base"))[tensor.Key].Bytes));
    }

    [Fact]
    public void Density_factor_and_check_are_those_of_the_model_that_it_makes()
    {
        using var project = new ScoredProject("llama-A", "b");
        var tensors = TestCheckpoint.ReadFile(project.Model("base"));
        AdapterFolder.Write(Path.Combine(project.Space.Folder, "adapters", "x"), new { r = 2, lora_alpha = 100 }, [
            .. tensors.Keys.Where(name => name.Contains("proj", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
                .SelectMany((name, i) => AdapterFolder.Linear(
                    name[..^".weight".Length], 70 + (2 * i), 2, (int)tensors[name].Shape[0], (int)tensors[name].Shape[1]))
        ]);
        project.WriteTask("x", 3);
        (string, string)[] settings = [
            ("Method", "task_arithmetic"), ("Base", "models/base"), ("Aim", "0.4"), ("Calibration", "data/calibration.txt"),
            ("AimBlock", "32"), ("Apl", "layer"), ("DType", "float32")
        ];
        project.Space.Merge("x", ("Method", "passthrough"), ("DType", "float32"));
        project.Space.Source("models/base", ("Adapter", "adapters/x"), ("Into", "x"));
        project.Space.Merge("m", settings);
        project.Space.Source("x", ("Into", "m"), ("TaskData", "data/x.jsonl"), ("Weight", "1"));
        project.Space.Source("models/b", ("Into", "m"), ("TaskData", "data/b.jsonl"), ("Weight", "1"));
        project.Space.RunAll();
        var (fused, check) = (project.Space.Result("m"), project.Manifest()["importance"]!["check"]!["steps"]!.ToJsonString());
        project.Space.Clear();
        project.Space.Merge("m", settings);
        project.Space.Source("models/base", ("Adapter", "adapters/x"), ("TaskData", "data/x.jsonl"), ("Weight", "1"));
        project.Space.Source("models/b", ("TaskData", "data/b.jsonl"), ("Weight", "1"));
        project.Run();
        Assert.Equal(check, project.Manifest()["importance"]!["check"]!["steps"]!.ToJsonString());
        Assert.All(project.Space.Result("m"), tensor => Assert.Equal(fused[tensor.Key].Bytes, tensor.Value.Bytes));
    }
}
