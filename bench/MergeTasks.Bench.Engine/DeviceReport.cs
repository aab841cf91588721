#if WITH_TORCH
using MergeTasks.Language.Diagnostics;
using MergeTasks.Torch;
using MergeTasks.Torch.Libraries;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Bench.Engine;

/// <summary>
/// Whether a device computes as the engine on TorchSharp promises, one line for each promise, and how fast it is. The built-in engine is what
/// it is held against; every family takes part, with the tests' tiny models.
/// </summary>
internal static class DeviceReport
{
    private const int Length = 512;
    private const int Rounds = 5;

    public static int Run(DeviceKind kind, string folder)
    {
        RandomLlama.Small.Write(folder);
        var single = new DeviceOptions { Kind = kind, LibraryFolders = EnginesReport.Libraries(folder), Told = message => Console.WriteLine($"      told: {message}") };
        var rounded = single with { Precision = DevicePrecision.Bf16 };
        var checks = new DeviceChecks(single);
        try
        {
            TorchLibraries.Load(single);
            checks.Families(Path.Combine(AppContext.BaseDirectory, "Models"));
            checks.Text("one sequence of 2,048 tokens", folder, [2048]);
            checks.Text("sequences of 700, 3 and 512 tokens in one batch", folder, [700, 3, 512]);
            checks.LittleMemory(folder);
            checks.SumsInSingles();
            checks.Rounded(folder, rounded);
            checks.Eigenvectors();
            checks.NothingStays(folder);
        }
        catch (Exception e) when (e is ModelException or DiagnosticException)
        {
            checks.Fail("the device can be used", e.Message);
            return 1;
        }

        Console.WriteLine();
        Console.WriteLine("| engine | pass | tokens at once | tokens/s, median |");
        Console.WriteLine("|---|---|--:|--:|");
        foreach (var options in new[] { single, rounded })
            Measure(options, folder);
        Console.WriteLine(checks.Failed == 0 ? "PASS" : $"FAIL: {checks.Failed} of the promises above");
        return checks.Failed == 0 ? 0 : 1;
    }

    private static void Measure(DeviceOptions options, string folder)
    {
        using var engine = new TorchEngine(options);
        using var model = engine.Load(folder);
        var (ids, targets) = SpeedReport.Text(Length);
        var count = Math.Max(1, model.TokensPerRun / Length);
        var batch = TokenBatch.Of([.. Enumerable.Repeat(ids, count)]);
        Target[] all = [.. Enumerable.Range(0, count).SelectMany(i => targets.Select(target => target with { Sequence = i }))];
        Line("forward", () => model.Score(batch, all));
        Line("forward and backward", () => model.Backward(batch, all, new Dropper()));

        void Line(string pass, Func<IReadOnlyList<TargetScore>> run)
        {
            run();
            var seconds = SpeedReport.Median([.. Enumerable.Range(0, Rounds).Select(_ => SpeedReport.Timed(run).Seconds)]);
            Console.WriteLine($"| {options.NumericsVersion} | {pass} | {count * Length} | {count * Length / seconds:F0} |");
        }
    }
}
#endif
