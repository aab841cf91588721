using System.Diagnostics;
using System.Globalization;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;

namespace MergeTasks.Bench.Merging;

/// <summary>
/// How much memory the merge of two large models takes: bf16 matrices of 8192 × 8192 in files that take no room on the disk; the output
/// takes all of its own.
/// </summary>
internal static class LargeMerge
{
    private const int Side = 8192;
    private const long ShardBytes = 5L << 30;

    /// <summary>Merges two models of a size in a folder that is removed afterwards, and tells the peak of this process's memory.</summary>
    public static void Measure(long bytes)
    {
        var folder = Directory.CreateTempSubdirectory("mergetasks-large-").FullName;
        try
        {
            var names = Enumerable.Range(0, (int)Math.Max(1, bytes / (2L * Side * Side)))
                .Select(i => string.Create(CultureInfo.InvariantCulture, $"model.layers.{i}.mlp.up_proj.weight"));
            var shards = ShardLayout.Plan(names.Select(name => new TensorSpec(name, DType.BF16, [Side, Side])), ShardBytes);
            foreach (var model in new[] { "a", "b" })
                SparseModels.Write(Path.Combine(folder, "models", model), shards);
            var project = Path.Combine(folder, "project.csproj");
            DeclaredItem Item(string type, string include, Dictionary<string, string> metadata) => new(type, include, metadata, project);
            var merges = DeclarationReader.Read(
                new ProjectDefaults(project, Path.Combine(folder, "out")),
                [Item("MergedModel", "m", new() { ["Method"] = "linear", ["MaxShardSize"] = "5GB" })],
                [
                    Item("MergeSource", "models/a", new() { ["Weight"] = "1" }), Item("MergeSource", "models/b", new() { ["Weight"] = "1" }),
                ]);
            var build = new MergeBuild(merges, Path.Combine(folder, "cache"), Environment.ProcessorCount);
            using var memory = new PeakMemory();
            var watch = Stopwatch.StartNew();
            build.Plan(default);
            var (planned, digested) = (watch.Elapsed, memory.Peak);
            build.Run("m", Path.Combine(folder, "m.lock"), MergeProgress.None, default);
            var written = new DirectoryInfo(Path.Combine(folder, "out", "m")).EnumerateFiles("*.safetensors").Sum(file => file.Length);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{2 * shards.Sum(shard => shard.Length) / 1e9:0.0} GB read twice, {written / 1e9:0.0} GB written: {digested / 1e6:0} MB at "
                    + $"most while digesting ({planned.TotalSeconds:0} s), {memory.Peak / 1e6:0} MB in all ({watch.Elapsed.TotalSeconds:0} s)"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
