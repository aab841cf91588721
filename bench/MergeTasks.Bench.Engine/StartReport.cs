using System.Diagnostics;
using System.Runtime;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Bench.Engine;

/// <summary>
/// What the first pass in a process costs beside the later ones: compilation, and pages of the weights that nothing has touched.
/// </summary>
internal static class StartReport
{
    private const int Length = 128;
    private const int Passes = 20;

    public static int Run(string folder)
    {
        var watch = Stopwatch.StartNew();
        using var model = new CpuEngine().Load(folder);
        Console.WriteLine($"load {watch.Elapsed.TotalMilliseconds:F0} ms");
        int[] ids = [.. Enumerable.Range(0, Length).Select(i => i % model.Description.Vocabulary)];
        Target[] targets = [.. Enumerable.Range(0, Length - 1).Select(position => new Target(0, position, ids[position + 1]))];
        Report("forward", () => model.Score(TokenBatch.Of(ids), targets));
        Report("forward and backward", () => model.Backward(TokenBatch.Of(ids), targets, new Dropper()));
        return 0;
    }

    private static void Report(string name, Action pass)
    {
        var times = new double[Passes];
        var (compiled, processor) = (0.0, 0.0);
        for (var i = 0; i < Passes; i++)
        {
            var watch = Stopwatch.StartNew();
            var (jit, cpu) = (JitInfo.GetCompilationTime(), Environment.CpuUsage.TotalTime);
            pass();
            times[i] = watch.Elapsed.TotalMilliseconds;
            if (i == 0)
                (compiled, processor) =
                    ((JitInfo.GetCompilationTime() - jit).TotalMilliseconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
        }

        Console.WriteLine(
            $"{name}: first {times[0]:F0} ms ({processor:F0} ms of processor, {compiled:F0} ms of compilation), second {times[1]:F0} ms, "
                + $"median of the last ten {times[10..].Order().ElementAt(5):F0} ms");
    }
}
