#if WITH_TORCH
using System.Diagnostics;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Torch;
using MergeTasks.Torch.Libraries;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using TorchSharp;

namespace MergeTasks.Bench.Engine;

/// <summary>
/// Whether a device computes as the engine on TorchSharp promises, one line for each promise, and how fast it is. The built-in engine is
/// what it is held against; every family takes part, with the tests' tiny models.
/// </summary>
internal static class DeviceReport
{
    private const int Length = 512;
    private const int Rounds = 3;

    /// <summary>Runs it.</summary>
    /// <param name="kind">The device.</param>
    /// <param name="folder">Where the generated model lies.</param>
    /// <param name="checks">Whether promises are checked, or only speed is measured.</param>
    public static int Run(DeviceKind kind, string folder, bool checks)
    {
        RandomLlama.Small.Write(folder);
        var single = new DeviceOptions
        {
            Kind = kind,
            LibraryFolders = EnginesReport.Libraries(folder),
            Told = message => Console.WriteLine($"      told: {message}"),
        };
        var rounded = single with { Precision = DevicePrecision.Bf16 };
        var promises = new DeviceChecks(single);
        try
        {
            TorchLibraries.Load(single);
            if (checks)
                Check(promises, folder, rounded);
        }
        catch (Exception e) when (e is ModelException or DiagnosticException)
        {
            promises.Fail("the device can be used", e.Message);
            return 1;
        }

        Attention(single);
        Console.WriteLine("| engine | pass | tokens at once | tokens/s, median |");
        Console.WriteLine("|---|---|--:|--:|");
        foreach (var options in new[] { single, rounded })
            Measure(options, folder);
        if (checks)
            Console.WriteLine(promises.Failed == 0 ? "PASS" : $"FAIL: {promises.Failed} of the promises above");
        return promises.Failed == 0 ? 0 : 1;
    }

    private static void Check(DeviceChecks promises, string folder, DeviceOptions rounded)
    {
        promises.Families(Path.Combine(AppContext.BaseDirectory, "Models"));
        promises.Text("one sequence of 2,048 tokens", folder, [2048]);
        promises.Text("sequences of 700, 3 and 512 tokens in one batch", folder, [700, 3, 512]);
        promises.LittleMemory(folder);
        promises.SumsInSingles();
        promises.Rounded(folder, rounded);
        promises.Eigenvectors();
        promises.NothingStays(folder);
    }

    // The library's kernel beside the same sums with all scores at hand, forwards and backwards, 12 heads of 64 channels.
    private static void Attention(DeviceOptions options)
    {
        using var engine = new TorchEngine(options);
        foreach (var length in new[] { 512, 2048 })
        {
            using var scope = torch.NewDisposeScope();
            var (query, key, value) = (Heads(), Heads(), Heads());
            var mask = torch.full([length, length], -1e30f, device: engine.Runtime.Device).triu(1);
            var (fused, composed) = (new List<double>(), new List<double>());
            for (var round = 0; round < Rounds; round++)
            {
                fused.Add(Seconds(() => torch.nn.functional.scaled_dot_product_attention(query, key, value, is_casual: true)));
                composed.Add(Seconds(() => ((query / 8).matmul(key.transpose(2, 3)) + mask).softmax(-1).matmul(value)));
            }

            var ratio = SpeedReport.Median(composed) / SpeedReport.Median(fused);
            Console.WriteLine(FormattableString.Invariant(
                $"attention of {length} tokens, forward and backward: {ratio:F1} times as fast as with all scores at hand"));

            torch.Tensor Heads() => torch.randn([1, 12, length, 64], device: engine.Runtime.Device).requires_grad_(true);

            double Seconds(Func<torch.Tensor> attend)
            {
                using var own = torch.NewDisposeScope();
                var (watch, processor) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
                var y = attend();
                torch.autograd.grad([y], [query, key, value], [torch.ones_like(y)])[0].sum().item<float>();

                // Other programs' share of the processor does not enter its time; a device has only the clock.
                return options.Kind == DeviceKind.Cuda
                    ? watch.Elapsed.TotalSeconds
                    : (Environment.CpuUsage.TotalTime - processor).TotalSeconds;
            }
        }
    }

    private static void Measure(DeviceOptions options, string folder)
    {
        using var engine = new TorchEngine(options);
        using var model = engine.Load(folder);
        var (ids, targets) = SpeedReport.Text(Length);

        // A device runs at full speed with many tokens only; the processor with one sequence too.
        var count = options.Kind == DeviceKind.Cuda ? Math.Max(1, model.TokensPerRun / Length) : 1;
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
