using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;

namespace MergeTasks.Bench.Merging;

/// <summary>
/// What it costs that inputs and results are looked at for numbers that are none (<c>NonFinite="error"</c>): processor seconds of the same
/// merges with and without, by turns, so that what else the machine does falls on both.
/// </summary>
internal static class RangeChecks
{
    private static readonly string[] Kinds = ["error", "keep"];

    /// <summary>Measures.</summary>
    /// <param name="bytes">Bytes of each of the generated models.</param>
    /// <param name="rounds">Measurements of each.</param>
    public static void Measure(long bytes, int rounds)
    {
        var folder = Directory.CreateTempSubdirectory("mergetasks-range-").FullName;
        try
        {
            new GeneratedModels(folder, bytes).Write();
            var seconds = new Dictionary<(string Method, string Kind), List<double>>();
            for (var round = 0; round <= rounds; round++)
            {
                foreach (var method in new[] { "linear", "slerp", "ties" })
                {
                    foreach (var kind in round % 2 == 0 ? Kinds : Kinds.Reverse())
                    {
                        var used = Run(folder, method, kind);

                        // The first round compiles, and digests.
                        if (round == 0)
                            continue;
                        if (!seconds.TryGetValue((method, kind), out var all))
                            seconds[(method, kind)] = all = [];
                        all.Add(used);
                    }
                }
            }

            foreach (var method in seconds.Keys.Select(key => key.Method).Distinct())
            {
                var (with, without) = (Measurements.Median(seconds[(method, "error")]), Measurements.Median(seconds[(method, "keep")]));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{method}: {with:0.00} s with, {without:0.00} s without, ratio of medians {with / without:0.000}"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Run(string folder, string method, string kind)
    {
        var project = Path.Combine(folder, "project.csproj");
        DeclaredItem Item(string type, string include, params (string Name, string Value)[] metadata) =>
            new(type, include, metadata.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase), project);
        List<(string, string)> settings = [("Method", method), ("NonFinite", kind)];
        if (method != "linear")
            settings.Add(("Base", "models/base"));
        if (method == "slerp")
            settings.Add(("T", "0.4"));
        if (method == "ties")
            settings.Add(("Density", "0.5"));
        var sources = (method == "slerp" ? GeneratedModels.Models.Take(1) : GeneratedModels.Models.Take(2)).Select(model =>
            method == "slerp" ? Item("MergeSource", "models/" + model) : Item("MergeSource", "models/" + model, ("Weight", "0.5")));
        var declared = DeclarationReader.Read(
            new ProjectDefaults(project, Path.Combine(folder, "out")), [Item("MergedModel", "m", [.. settings])], [.. sources]);
        var build = new MergeBuild(declared, Path.Combine(folder, "cache"), 1);
        build.Plan(default);
        var before = Environment.CpuUsage.TotalTime;
        build.Run("m", Path.Combine(folder, "m.lock"), MergeProgress.None, default);
        var used = Environment.CpuUsage.TotalTime - before;
        Directory.Delete(Path.Combine(folder, "out"), recursive: true);
        return used.TotalSeconds;
    }
}
