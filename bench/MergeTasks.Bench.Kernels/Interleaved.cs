using System.Diagnostics;

namespace MergeTasks.Bench.Kernels;

/// <summary>
/// Times competitors in turns, so that whatever else the machine does meets all of them alike, and compares their medians. Each turn
/// begins with a pause, until the worker threads of the one before have stopped spinning for more work (OpenBLAS's do for 2^26 cycles),
/// and an untimed call, after which a competitor's own workers are awake, as they are in a run of many products.
/// </summary>
internal static class Interleaved
{
    private const int LeastRounds = 9;
    private const double SecondsPerTurn = 0.01;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(40);

    /// <summary>Median and least seconds of each competitor.</summary>
    /// <param name="seconds">Goes on at least this long (and at least nine rounds).</param>
    /// <param name="competitors">What is timed.</param>
    public static (double Median, double Least)[] Run(double seconds, params Action[] competitors)
    {
        foreach (var competitor in competitors)
            competitor();
        var samples = competitors.Select(_ => new List<double>()).ToArray();
        var total = Stopwatch.StartNew();
        for (var round = 0; round < LeastRounds || total.Elapsed.TotalSeconds < seconds; round++)
        {
            for (var turn = 0; turn < competitors.Length; turn++)
            {
                // The order rotates: what runs after a large competitor finds other caches.
                var index = (turn + round) % competitors.Length;
                Thread.Sleep(Pause);
                competitors[index]();
                var start = Stopwatch.GetTimestamp();
                var calls = 0;
                double elapsed;
                do
                {
                    competitors[index]();
                    calls++;
                    elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
                }
                while (elapsed < SecondsPerTurn);
                samples[index].Add(elapsed / calls);
            }
        }

        return [.. samples.Select(list => (Median(list), list[0]))];
    }

    private static double Median(List<double> samples)
    {
        samples.Sort();
        return (samples[samples.Count / 2] + samples[(samples.Count - 1) / 2]) / 2;
    }
}
