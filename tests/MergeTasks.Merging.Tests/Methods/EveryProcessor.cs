using System.Diagnostics;
using System.Globalization;
using MergeTasks.Merging.Tests.Interrupted;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>
/// The same merges on processors with shorter vectors, as the runtime sees them with its switches: outputs are equal byte for byte, so
/// neither a colleague's machine nor a cache that is shared shows in a checkpoint.
/// </summary>
/// <remarks>
/// Where the environment variable <c>MERGETASKS_OTHER_PROCESSOR</c> has the command of the crash host as published for another processor
/// (an emulator before it, as docs/performance.md shows), that runs them too.
/// </remarks>
public sealed class EveryProcessor : IDisposable
{
    private static readonly string[] Types = ["F32", "BF16", "F16"];

    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    [Fact]
    public void Gives_the_same_bytes()
    {
        var merges = Declare();
        var others = new[] { "DOTNET_EnableAVX512", "DOTNET_EnableAVX2", "DOTNET_EnableHWIntrinsic" };
        foreach (var merge in merges)
            _space.Run(merge);
        var here = Taken(merges);
        foreach (var without in others)
        {
            using var process = CrashingProcess.Start(_space, string.Join(',', merges), variables: (without, "0"));
            AssertSame(here, process);
        }

        if (Environment.GetEnvironmentVariable("MERGETASKS_OTHER_PROCESSOR") is { Length: > 0 } host)
        {
            using var process = CrashingProcess.Start(host.Split(' '), _space, string.Join(',', merges), "never", 0, []);
            AssertSame(here, process);
        }
    }

    private void AssertSame(Dictionary<string, SortedDictionary<string, string>> here, Process process)
    {
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(errors.Length == 0 && process.ExitCode == 0, errors);
        Assert.Equal([], Taken([.. here.Keys]).Where(merge => !here[merge.Key].SequenceEqual(merge.Value)).Select(merge => merge.Key));
    }

    // What the outputs are, which are then gone.
    private Dictionary<string, SortedDictionary<string, string>> Taken(List<string> merges)
    {
        var content = merges.ToDictionary(merge => merge, merge => FolderContent.Of(_space.Output(merge)));
        foreach (var merge in merges)
            Directory.Delete(_space.Output(merge), recursive: true);
        return content;
    }

    // Lengths that no vector divides, and sums over many of them.
    private List<string> Declare()
    {
        (string Name, long[] Shape)[] tensors = [("vector", [5003]), ("matrix", [37, 211]), ("stack", [3, 40, 34]), ("one", [1])];
        foreach (var type in Types)
        {
            foreach (var (model, name) in new[] { "base", "a", "b", "c" }.Index())
                _space.Model($"{type}-{name}", [.. tensors.Index().Select(tensor =>
                    (tensor.Item.Name, Stored(type, tensor.Item.Shape, seed: tensor.Index, model)))]);
        }

        var names = new List<string>();
        foreach (var (index, formula) in Formulas.All.Index())
        {
            var (name, type) = ($"m{index}", Types[index % Types.Length]);
            names.Add(name);
            _space.Merge(name,
                [
                    ("Method", formula.Method),
                    .. formula.HasBase ? [("Base", $"models/{type}-base")] : Array.Empty<(string, string)>(),
                    .. formula.Settings
                ]);
            for (var i = 0; i < formula.Models; i++)
                _space.Source($"models/{type}-{"abc"[i]}",
                    [
                        ("Into", name),
                        .. formula.Weights.Length > 0
                            ? [("Weight", formula.Weights[i].ToString(CultureInfo.InvariantCulture))]
                            : Array.Empty<(string, string)>(),
                    ]);
        }

        return names;
    }

    private static RawTensor Stored(string type, long[] shape, int seed, int model)
    {
        var count = (int)shape.Aggregate(1L, (product, size) => product * size);
        var values = RandomTensors.Normal(100 + seed, count);
        if (model > 0)
            values = [.. values.Zip(RandomTensors.Normal(1000 + seed + (50 * model), count), (value, change) => value + change)];
        return type switch
        {
            "F32" => RawTensor.F32(shape, values),
            "F16" => RawTensor.F16(shape, values),
            _ => RawTensor.BF16(shape, values),
        };
    }
}
