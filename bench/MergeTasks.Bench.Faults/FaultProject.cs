using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.TestSupport;

namespace MergeTasks.Bench.Faults;

/// <summary>
/// A project of two merges, the second made from the first one's output, in one of two variants that differ in bytes and in shards.
/// </summary>
internal sealed class FaultProject(string folder)
{
    public static readonly string[] Variants = ["a", "b"];

    public string Folder => folder;

    public string Out => Path.Combine(folder, "out");

    /// <summary>The cache folder; another project's to share it.</summary>
    public string Cache { get; init; } = Path.Combine(folder, "cache");

    /// <summary>The example's models, for a merge that runs one to score it; empty: none.</summary>
    public string Scored { get; init; } = "";

    public string Input(string model, string file = "model.safetensors") => Path.Combine(folder, "models", model, file);

    /// <summary>Writes the models.</summary>
    public void Write()
    {
        foreach (var (name, seed) in new[] { ("base", 1), ("x", 100), ("y", 200) })
        {
            TestCheckpoint.Write(Path.Combine(folder, "models", name),
                ("a.weight",
                    RandomTensors.F32(seed, 40, 50)), ("b.weight",
                        RandomTensors.F32(seed + 1, 700, 800)), ("c.weight", RandomTensors.F32(seed + 2, 333)));
            File.WriteAllText(Input(name, "tokenizer.json"), $"{{\"model\": \"{name}\"}}");
        }
    }

    /// <summary>Makes all merges, as a build does: plan, then one after the other.</summary>
    public void Build(string variant, MergeProgress progress)
    {
        var project = Path.Combine(folder, "project.csproj");
        DeclaredItem Item(string type, string include, params (string Name, string Value)[] metadata) =>
            new(type, include, metadata.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.OrdinalIgnoreCase), project);
        var (weight, size) = variant == "a" ? ("0.5", "0") : ("0.75", "1MB");
        List<DeclaredItem> merges =
        [
            Item("MergedModel", "first", ("Method", "ties"), ("Base", "models/base"), ("Density", "0.5"), ("MaxShardSize", size)),
            Item("MergedModel", "second", ("Method", "slerp"), ("Base", "models/base"), ("T", weight), ("MaxShardSize", size)),
        ];
        List<DeclaredItem> sources =
        [
            Item("MergeSource", "models/x", ("Into", "first"), ("Weight", weight)),
            Item("MergeSource", "models/y", ("Into", "first"), ("Weight", "0.25")),
            Item("MergeSource", "first", ("Into", "second")),
        ];
        if (Scored.Length > 0)
        {
            merges.Add(
                Item(
                    "MergedModel",
                    "scored",
                    ("Method", "linear"),
                    ("Base", Path.Combine(Scored, "base")),
                    ("Aim", weight),
                    ("Calibration", Path.Combine(Scored, "data", "calibration.jsonl")),
                    ("AimBlock", "32"),
                    ("AimSamples", "16")));
            sources.Add(Item("MergeSource", Path.Combine(Scored, "code"), ("Into", "scored"), ("Weight", "1")));
        }

        var declared = DeclarationReader.Read(new ProjectDefaults(project, Out), merges, sources);
        var build = new MergeBuild(declared, Cache, 2);
        build.Plan(default);
        foreach (var merge in declared)
            build.Run(merge.Name, Path.Combine(folder, "obj", merge.Name + ".lock"), progress, default);
    }

    /// <summary>The outputs of a build of a variant from nothing, which leaves none.</summary>
    public SortedDictionary<string, string> Clean(string variant)
    {
        RemoveOutputs();
        Build(variant, MergeProgress.None);
        var content = FolderContent.Of(Out);
        RemoveOutputs();
        return content;
    }

    public void RemoveOutputs()
    {
        if (Directory.Exists(Out))
            Directory.Delete(Out, recursive: true);
    }

    /// <summary>Files that a build leaves only where it was stopped.</summary>
    public IEnumerable<string> Temporary() =>
        new[] { folder, Cache }
            .Where(Directory.Exists)
            .SelectMany(root => Directory.EnumerateFileSystemEntries(root, "*", SearchOption.AllDirectories))
        .Where(path => path.EndsWith(".tmp", StringComparison.Ordinal) || Path.GetFileName(path) == ".partial").Distinct();
}
