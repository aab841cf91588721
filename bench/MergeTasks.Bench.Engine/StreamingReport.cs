using System.Diagnostics;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Bench.Engine;

/// <summary>
/// Peak resident memory, mapped pages of the weights included, of scoring with a 7-billion-parameter model in bf16 whose weights may not
/// all stay in memory: forwards over 64 tokens, then forwards and backwards.
/// </summary>
internal static class StreamingReport
{
    private const long Limit = 8L << 30;
    private const int Length = 64;

    public static int Run(string folder)
    {
        Console.WriteLine($"{RandomLlama.SevenBillion.Parameters:N0} parameters in {folder}");
        RandomLlama.SevenBillion.Write(folder);
        var (ids, targets) = SpeedReport.Text(Length);
        using var model = new CpuEngine(new EngineOptions { ResidentBytes = Limit / 2 }).Load(folder);
        var batch = TokenBatch.Of(ids);
        Report("forward", () => model.Score(batch, targets));
        Report("forward and backward", () => model.Backward(batch, targets, new Dropper()));
        return MemoryReport.PeakResidentBytes() <= Limit ? 0 : 1;
    }

    private static void Report(string pass, Func<IReadOnlyList<TargetScore>> run)
    {
        var watch = Stopwatch.StartNew();
        var measure = SpeedReport.Timed(run);
        Console.WriteLine(
            $"{pass}: loss {measure.Loss:F4}, {watch.Elapsed.TotalSeconds:F0} s by the clock, {measure.ProcessorSeconds:F0} s of "
                + $"processors, peak resident memory {MemoryReport.PeakResidentBytes() / (double)(1 << 30):F2} GiB of {Limit >> 30} GiB");
    }
}
