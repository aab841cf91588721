using System.Diagnostics;
using System.Globalization;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Build;

namespace MergeTasks.Bench.Merging;

/// <summary>
/// How much memory and time planning takes where there is much to plan and nothing to compute: many models of many small tensors, or few of
/// large ones, in files that take no room on the disk.
/// </summary>
internal static class PlanningMemory
{
    private const int Elements = 64;

    /// <summary>Many models of many small tensors: the first plan digests them, the second remembers.</summary>
    public static void Measure(int models, int tensors)
    {
        var names = Enumerable.Range(0, tensors)
            .Select(i => string.Create(CultureInfo.InvariantCulture, $"model.layers.{i / 10}.block_{i % 10}.projection.weight"));
        Measure(models, ShardLayout.Plan(names.Select(name => new TensorSpec(name, DType.BF16, [Elements])), 0), isRemembered: false);
    }

    /// <summary>Three fine-tunes of Llama 3 70B, 424 GB, whose digests are known.</summary>
    public static void Measure70B() => Measure(3, ShardLayout.Plan(SparseModels.Llama70B(), 5L << 30), isRemembered: true);

    // Writes the models, and plans their merge twice, each time in a process of its own.
    private static void Measure(int models, IReadOnlyList<Shard> shards, bool isRemembered)
    {
        var folder = Directory.CreateTempSubdirectory("mergetasks-planning-").FullName;
        try
        {
            for (var model = 0; model < models; model++)
            {
                var of = Path.Combine(folder, "models", $"m{model}");
                SparseModels.Write(of, shards);
                if (isRemembered)
                    SparseModels.Remember(of, Path.Combine(folder, "cache"));
            }

            for (var round = 0; round < 2; round++)
            {
                using var child = Process.Start(
                    Environment.ProcessPath!, Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal)
                    ? [Environment.GetCommandLineArgs()[0], "plan", folder] : ["plan", folder]);
                child.WaitForExit();
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Plans in this process and tells the peak of its memory.</summary>
    public static void RunHere(string folder)
    {
        using var memory = new PeakMemory();
        var watch = Stopwatch.StartNew();
        var project = Path.Combine(folder, "project.csproj");
        var models = Directory.GetDirectories(Path.Combine(folder, "models")).Order(StringComparer.Ordinal).ToList();
        DeclaredItem Item(string type, string include, Dictionary<string, string> metadata) => new(type, include, metadata, project);
        var merges = DeclarationReader.Read(
            new ProjectDefaults(project, Path.Combine(folder, "out")),
            [Item("MergedModel", "m", new() { ["Method"] = "linear" })],
            [.. models.Select(model => Item("MergeSource", model, new() { ["Weight"] = "1" }))]);
        var state = new MergeBuild(merges, Path.Combine(folder, "cache"), Environment.ProcessorCount).Plan(default).Single();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{models.Count} models, {state.Plan.Tensors.Count} tensors: {memory.Peak / 1e6:0} MB at "
                + $"most, {GC.GetTotalMemory(forceFullCollection: true) / 1e6:0} MB kept, {watch.Elapsed.TotalSeconds:0.0} s by the clock, "
                + $"{Environment.CpuUsage.TotalTime.TotalSeconds:0.0} s of processors"));
        GC.KeepAlive(state);
    }
}
