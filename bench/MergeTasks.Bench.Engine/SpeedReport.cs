using System.Diagnostics;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Bench.Engine;

/// <summary>
/// Tokens per second, forwards and forwards with backwards, at sequence length 512, beside the same model in eager PyTorch. Both take turns
/// round by round, so that whatever else the machine does meets both alike, and medians are compared. One thread is measured in processor
/// time, which other programs' share of the processor does not enter; two are measured by the clock.
/// </summary>
internal static class SpeedReport
{
    private const int Length = 512;
    private const int Rounds = 7;

    // OpenMP's and the pool's threads spin for more work for some milliseconds after a run.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public static int Run(RandomLlama size, string folder, string python)
    {
        size.Write(folder);
        var (ids, targets) = Text(Length);
        var batch = TokenBatch.Of(ids);
        var header = true;
        foreach (var threads in new[] { 1, 2 })
        {
            using var model = new CpuEngine(new EngineOptions { Threads = threads }).Load(folder);
            using var torch = new TorchCompetitor(python, folder, threads, ids);
            if (header)
            {
                Console.WriteLine(
                    $"| threads | pass | {torch.Version} tokens/s | MergeTasks tokens/s | speed ratio, medians | loss difference |");
                Console.WriteLine("|--:|---|--:|--:|--:|--:|");
                header = false;
            }

            Compare(threads, "forward", () => Timed(() => model.Score(batch, targets)), () => torch.Run(backward: false));
            Compare(
                threads,
                "forward and backward",
                () => Timed(() => model.Backward(batch, targets, new Dropper())),
                () => torch.Run(backward: true));
        }

        return 0;
    }

    /// <summary>A sequence of random tokens, and each of them but the first as a target.</summary>
    internal static (int[] Ids, Target[] Targets) Text(int length)
    {
        var random = new Random(2);
        int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(RandomLlama.Small.Vocabulary))];
        return (ids,
            [.. Enumerable.Range(0, length - 1).Select(position => new Target(0, position, ids[position + 1], -1.0 / (length - 1)))]);
    }

    private static void Compare(int threads, string pass, Func<PassMeasure> ours, Func<PassMeasure> theirs)
    {
        var difference = ours().Loss - theirs().Loss;
        var (own, other) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            Thread.Sleep(Pause);
            own.Add(Seconds(ours(), threads));
            Thread.Sleep(Pause);
            other.Add(Seconds(theirs(), threads));
        }

        var (median, torch) = (Median(own), Median(other));
        Console.WriteLine($"| {threads} | {pass} | {Length / torch:F0} | {Length / median:F0} | {torch / median:F2} | {difference:E0} |");
    }

    private static double Seconds(PassMeasure measure, int threads) => threads == 1 ? measure.ProcessorSeconds : measure.Seconds;

    internal static PassMeasure Timed(Func<IReadOnlyList<TargetScore>> run)
    {
        var watch = Stopwatch.StartNew();
        var processor = Environment.CpuUsage.TotalTime;
        var scores = run();
        return new PassMeasure(
            watch.Elapsed.TotalSeconds,
            (Environment.CpuUsage.TotalTime - processor).TotalSeconds,
            -scores.Average(score => score.LogProbability));
    }

    internal static double Median(List<double> samples) => samples.Order().ElementAt(samples.Count / 2);
}
