using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;

namespace MergeTasks.Bench.Merging;

/// <summary>What scoring for AIM and for APL takes, beside the same passes of the same engine whose results nobody uses.</summary>
internal sealed class ScoringOverhead(string models, int threads, int rounds)
{
    private static readonly string[] Sources = ["code", "math"];

    public void Print()
    {
        Console.WriteLine(
            "| scores | tokens | scoring, processor s | engine alone, processor s | scoring / engine |\n|---|---:|---:|---:|---:|");
        Measure("AIM, activations of the base", [("Aim", "0.4"), ("Calibration", "data/calibration.jsonl"), ("AimBlock", "128")]);
        Measure("APL, one backward pass per task", [("Apl", "layer"), ("AplDensity", "0.5")]);
    }

    private void Measure(string name, (string Name, string Value)[] metadata)
    {
        var (scoring, alone) = (new List<double>(), new List<double>());
        var tokens = 0L;
        var cache = Directory.CreateTempSubdirectory("mergetasks-bench-");
        for (var round = 0; round <= rounds; round++)
        {
            var engine = new RecordingEngine(threads);
            var seconds = ProcessorSeconds(() =>
                new MergeScorer(Build(metadata, cache.FullName, engine)).Score("m", MergeProgress.None, CancellationToken.None));
            tokens = engine.Tokens;
            var repeated = ProcessorSeconds(engine.Repeat);

            // The first round compiles, and identifies the models.
            if (round == 0)
                continue;
            scoring.Add(seconds);
            alone.Add(repeated);
        }

        cache.Delete(recursive: true);
        var (ours, bare) = (Measurements.Median(scoring), Measurements.Median(alone));
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"| {name} | {tokens} | {ours:0.00} | {bare:0.00} | {ours / bare:0.00} |"));
    }

    // Of all threads, because what else the machine does hardly shows in it.
    private static double ProcessorSeconds(Action action)
    {
        var before = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    private MergeBuild Build((string Name, string Value)[] metadata, string cache, RecordingEngine engine)
    {
        var project = Path.Combine(models, "bench.csproj");
        var merge = new DeclaredItem("MergedModel", "m", Metadata([("Method", "task_arithmetic"), ("Base", "base"), .. metadata]), project);
        var sources = Sources.Select(model =>
            new DeclaredItem("MergeSource", model, Metadata([("Weight", "0.5"), ("TaskData", $"data/{model}.jsonl")]), project));
        return new MergeBuild(
            DeclarationReader.Read(new ProjectDefaults(project, Path.Combine(cache, "out")), [merge], [.. sources]),
            Path.Combine(cache, "cache"),
            threads)
            {
                Engine = engine, RefreshesScores = true
            };
    }

    private static Dictionary<string, string> Metadata(IEnumerable<(string Name, string Value)> pairs) =>
        pairs.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase);
}
