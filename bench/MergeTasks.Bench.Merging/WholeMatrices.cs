using System.Diagnostics;
using System.Globalization;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Bench.Merging;

/// <summary>What methods on whole matrices take, on trained models or on one matrix of a size.</summary>
internal static class WholeMatrices
{
    /// <summary>Merges three fine-tunes of a base by each method.</summary>
    /// <param name="models">A folder with models <c>base</c> and the others.</param>
    /// <param name="methods">The methods, with commas between.</param>
    /// <param name="rounds">Rounds; the first one compiles as well.</param>
    public static void Measure(string models, string methods, int rounds)
    {
        Console.WriteLine("| method | first s | best s | processor s |\n|---|---:|---:|---:|");
        var sources = Directory.EnumerateDirectories(models).Select(folder => Path.GetFileName(folder)!)
            .Where(name => name is not ("base" or "data") && File.Exists(Path.Combine(models, name, "model.safetensors")))
                .Order(StringComparer.Ordinal)
                .Take(3)
                .ToList();
        foreach (var method in methods.Split(','))
        {
            var times = new List<(double Clock, double Processor)>();
            for (var round = 0; round < rounds; round++)
                times.Add(Merge(models, method, sources));
            var best = times.MinBy(time => time.Clock);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture, $"| {method} | {times[0].Clock:0.00} | {best.Clock:0.00} | {best.Processor:0.00} |"));
        }
    }

    /// <summary>As <see cref="Measure"/>, of models with one random matrix of a size.</summary>
    public static void MeasureOne(int rows, int columns, string methods)
    {
        var folder = Directory.CreateTempSubdirectory("mergetasks-bench-models-").FullName;
        try
        {
            var baseModel = Random(0, (long)rows * columns, 0.05f);
            Write(folder, "base", baseModel, rows, columns);
            foreach (var (seed, name) in new[] { (1, "a"), (2, "b"), (3, "c") })
                Write(folder, name, [.. baseModel.Zip(Random(seed, baseModel.Length, 0.005f), (x, delta) => x + delta)], rows, columns);
            Measure(folder, methods, rounds: 2);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (double Clock, double Processor) Merge(string models, string method, List<string> sources)
    {
        var cache = Directory.CreateTempSubdirectory("mergetasks-bench-");
        var project = Path.Combine(models, "bench.csproj");
        var found = MergeMethods.Find(method)!;
        bool Needs(string parameter) => found.Parameters.Any(declared => declared.Name == parameter && declared.Default is null);
        (string, string)[] density = Needs("density") ? [("Density", "0.5")] : [];
        (string, string)[] weight = Needs("weight") ? [("Weight", "0.3")] : [];
        (string, string)[] basis = found.TakesBase(isNamed: true) ? [("Base", "base")] : [];
        var merge = new DeclaredItem("MergedModel", "m", Metadata([("Method", method), .. basis, .. density]), project);
        var items = sources.Select(model => new DeclaredItem(
            "MergeSource",
            model,
            Metadata([("Into", "m"), .. weight, .. Data(models, model, found.Statistic)]),
            project));
        var build = new MergeBuild(
            DeclarationReader.Read(new ProjectDefaults(project, Path.Combine(cache.FullName, "out")), [merge], [.. items]),
            Path.Combine(cache.FullName, "cache"),
            Environment.ProcessorCount);
        build.Plan(CancellationToken.None);
        var (processor, watch) = (Environment.CpuUsage.TotalTime, Stopwatch.StartNew());
        build.Run("m", Path.Combine(cache.FullName, "lock"), MergeProgress.None, CancellationToken.None);
        var times = (watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - processor).TotalSeconds);
        cache.Delete(recursive: true);
        return times;
    }

    // Methods that run the models do so on their task's data.
    private static (string, string)[] Data(string models, string model, ModelStatistic statistic) =>
        statistic == ModelStatistic.None ? [] : [("TaskData", Path.Combine(models, "data", model + ".jsonl"))];

    private static float[] Random(int seed, long count, float size)
    {
        var random = new Random(seed);
        var values = new float[count];
        foreach (ref var value in values.AsSpan())
            value = (random.NextSingle() - 0.5f) * size;
        return values;
    }

    private static void Write(string folder, string model, float[] values, int rows, int columns)
    {
        var own = Directory.CreateDirectory(Path.Combine(folder, model)).FullName;
        File.WriteAllText(Path.Combine(own, "config.json"), """{"model_type": "llama"}""");
        var shard = ShardLayout.Plan([new TensorSpec("model.layers.0.mlp.up_proj.weight", DType.BF16, [rows, columns])], 0)[0];
        var bytes = new byte[shard.Length];
        shard.Header.CopyTo(bytes, 0);
        ElementConversion.FromSingle(DType.BF16, values, bytes.AsSpan((int)shard.Tensors[0].Offset));
        File.WriteAllBytes(Path.Combine(own, "model.safetensors"), bytes);
    }

    private static Dictionary<string, string> Metadata(IEnumerable<(string Name, string Value)> pairs) =>
        pairs.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase);
}
