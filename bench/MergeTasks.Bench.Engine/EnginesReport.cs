#if WITH_TORCH
using MergeTasks.Torch;
using MergeTasks.Transformers;

namespace MergeTasks.Bench.Engine;

/// <summary>
/// Tokens per second of both engines at sequence length 512, forwards and forwards with backwards, every gradient handed out. They take
/// turns round by round; medians are compared.
/// </summary>
internal static class EnginesReport
{
    private const int Length = 512;
    private const int Rounds = 7;

    public static int Run(string folder)
    {
        RandomLlama.Small.Write(folder);
        var (ids, targets) = SpeedReport.Text(Length);
        var batch = TokenBatch.Of(ids);
        using var own = new CpuEngine().Load(folder);
        Console.WriteLine("| engine | pass | tokens/s | speed ratio to the processor's own, medians | loss difference |");
        Console.WriteLine("|---|---|--:|--:|--:|");
        foreach (var options in Devices())
        {
            using var engine = new TorchEngine(options);
            using var other = engine.Load(folder);
            Compare(options, "forward", model => model.Score(batch, targets), own, other);
            Compare(options, "forward and backward", model => model.Backward(batch, targets, new Dropper()), own, other);
        }

        return 0;
    }

    private static IEnumerable<DeviceOptions> Devices()
    {
        yield return new DeviceOptions();
        if (!TorchEngine.FindsCuda)
            yield break;
        yield return new DeviceOptions { Kind = DeviceKind.Cuda };
        yield return new DeviceOptions { Kind = DeviceKind.Cuda, Precision = DevicePrecision.Bf16 };
    }

    private static void Compare(DeviceOptions options, string pass, Func<ITransformerModel, IReadOnlyList<TargetScore>> run, ITransformerModel own, ITransformerModel other)
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
