using System.Diagnostics;
using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;

namespace MergeTasks.Bench.Merging;

/// <summary>One of our merges, run as a build runs it, in a process of its own so that start-up compilation and memory count.</summary>
internal sealed class MergeSubject(string folder, int threads)
{
    private static readonly Dictionary<string, (string Name, string Value)[]> Methods = new()
    {
        ["linear"] = [("Weight", "0.33")],
        ["task_arithmetic"] = [("Base", GeneratedModels.Base), ("Weight", "0.5")],
        ["slerp"] = [("Base", GeneratedModels.Base), ("T", "0.4")],
        ["ties"] = [("Base", GeneratedModels.Base), ("Weight", "0.5"), ("Density", "0.5")],
        ["dare_ties"] = [("Base", GeneratedModels.Base), ("Weight", "0.5"), ("Density", "0.5")],
    };

    public static IEnumerable<string> Names => Methods.Keys;

    /// <summary>How many of the generated checkpoints a method reads.</summary>
    public static int InputCount(string method) => ModelsOf(method).Count + (Methods[method].Any(pair => pair.Name == "Base") ? 1 : 0);

    /// <summary>Digests the inputs into the memo, as the plan of a build would have.</summary>
    public void DigestInputs() => Build().Plan(CancellationToken.None);

    /// <summary>
    /// The merge as this process's whole work: prints its seconds, the peak of this process's anonymous memory in bytes, the processor
    /// seconds of this process so far, and the seconds from its start to the first block that was written.
    /// </summary>
    public void RunHere(string method)
    {
        DeleteOutput(method);
        var build = Build();
        var first = new FirstBlock();
        using var memory = new PeakMemory();
        var watch = Stopwatch.StartNew();
        build.Run(method, Path.Combine(folder, method + ".lock"), first, CancellationToken.None);
        watch.Stop();
        var processor = Environment.CpuUsage.TotalTime;
        DeleteOutput(method);
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds} {memory.Peak} {processor.TotalSeconds} {first.Seconds}"));
    }

    private static IReadOnlyList<string> ModelsOf(string method) =>
        method == "slerp" ? [GeneratedModels.Models[0]] : GeneratedModels.Models;

    private MergeBuild Build()
    {
        var project = Path.Combine(folder, "bench.csproj");
        var merges = Methods.Select(pair =>
            new DeclaredItem("MergedModel", pair.Key, Metadata(pair.Value.Append(("Method", pair.Key))), project)).ToList();
        var sources = Methods.Keys
            .SelectMany(method =>
                ModelsOf(method)
                    .Select(model => new DeclaredItem("MergeSource", Path.Combine("models", model), Metadata([("Into", method)]), project)))
            .ToList();
        return new MergeBuild(
            DeclarationReader.Read(new ProjectDefaults(project, Path.Combine(folder, "out")), merges, sources),
            Path.Combine(folder, "cache"),
            threads);
    }

    private void DeleteOutput(string method)
    {
        if (Directory.Exists(Path.Combine(folder, "out", method)))
            Directory.Delete(Path.Combine(folder, "out", method), recursive: true);
    }

    private static Dictionary<string, string> Metadata(IEnumerable<(string Name, string Value)> pairs) =>
        pairs.ToDictionary(
            pair => pair.Name,
            pair => pair.Name == "Base" ? Path.Combine("models", pair.Value) : pair.Value,
            StringComparer.OrdinalIgnoreCase);

    private sealed class FirstBlock : MergeProgress
    {
        private DateTime? _at;

        public double Seconds => ((_at ?? DateTime.Now) - Process.GetCurrentProcess().StartTime).TotalSeconds;

        public override void Written(int bytes) => _at ??= DateTime.Now;
    }
}
