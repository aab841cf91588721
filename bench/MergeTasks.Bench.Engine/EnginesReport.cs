#if WITH_TORCH
using System.Reflection;
using MergeTasks.Merging.Devices;
using MergeTasks.Torch;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Bench.Engine;

/// <summary>
/// Tokens per second of both engines at sequence length 512, forwards and forwards with backwards, every gradient handed out. They take
/// turns round by round; medians are compared.
/// </summary>
internal static class EnginesReport
{
    private const int Length = 512;
    private const int Rounds = 7;

    public static int Run(RandomLlama sizes, string folder)
    {
        sizes.Write(folder);
        var (ids, targets) = SpeedReport.Text(Length);
        var batch = TokenBatch.Of(ids);
        using var own = new CpuEngine().Load(folder);
        Console.WriteLine("| engine | pass | tokens/s | speed ratio to the processor's own, medians | loss difference |");
        Console.WriteLine("|---|---|--:|--:|--:|");
        foreach (var options in Devices(folder))
        {
            using var other = new DeviceProvider().CreateEngine(options).Load(folder);
            Compare(options, "forward", model => model.Score(batch, targets), own, other);
            Compare(options, "forward and backward", model => model.Backward(batch, targets, new Dropper()), own, other);
        }

        return 0;
    }

    /// <summary>The folder with libtorch's libraries: from NuGet's folder, as in a build.</summary>
    /// <param name="folder">Where links to them may be made.</param>
    internal static IReadOnlyList<string> Libraries(string folder) =>
        [LinkedFolder.Of(Packages().CpuFolders.Concat(Packages().CudaFolders), folder)];

    private static TorchPackages Packages() =>
        TorchPackages.Read(
            typeof(EnginesReport).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "AssetsFile").Value!);

    private static IEnumerable<DeviceOptions> Devices(string folder)
    {
        var packages = Packages();
        var libraries = Libraries(folder);
        yield return new DeviceOptions { LibraryFolders = libraries };
        if (packages.CudaFolders.Count == 0 || new CudaDriver().Find().Count == 0)
            yield break;
        yield return new DeviceOptions { LibraryFolders = libraries, Kind = DeviceKind.Cuda };
        yield return new DeviceOptions { LibraryFolders = libraries, Kind = DeviceKind.Cuda, Precision = DevicePrecision.Bf16 };
    }

    private static void Compare(
        DeviceOptions options,
        string pass,
        Func<ITransformerModel, IReadOnlyList<TargetScore>> run,
        ITransformerModel own,
        ITransformerModel other)
    {
        var difference = SpeedReport.Timed(() => run(other)).Loss - SpeedReport.Timed(() => run(own)).Loss;
        var (first, second) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            first.Add(SpeedReport.Timed(() => run(own)).Seconds);
            second.Add(SpeedReport.Timed(() => run(other)).Seconds);
        }

        var (mine, theirs) = (SpeedReport.Median(first), SpeedReport.Median(second));
        Console.WriteLine($"| {options.NumericsVersion} | {pass} | {Length / theirs:F0} | {mine / theirs:F2} | {difference:E0} |");
    }
}
#endif
