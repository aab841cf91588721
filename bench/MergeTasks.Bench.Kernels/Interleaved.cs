using System.Diagnostics;

namespace MergeTasks.Bench.Kernels;

/// <summary>
/// Times competitors in turns, so that whatever else the machine does meets all of them alike, and compares their medians. Each turn
/// begins with a pause, until the worker threads of the one before have stopped spinning for more work (OpenBLAS's do for 2^26 cycles),
/// and an untimed call, after which a competitor's own workers are awake, as they are in a run of many products.
/// </summary>
/// <remarks>
/// Work of one thread is measured in processor time, which other programs' share of the processor does not enter. With several threads
/// that would count their waiting for each other, so that those are measured by the clock and need a machine that does little else.
/// </remarks>
internal static class Interleaved
{
    private const int LeastRounds = 9;
    private const double SecondsPerTurn = 0.01;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(40);

    /// <summary>Median and least seconds of each competitor.</summary>
    /// <param name="threads">Threads of each competitor.</param>
    /// <param name="seconds">Goes on at least this long (and at least nine rounds).</param>
    /// <param name="competitors">What is timed.</param>
    public static (double Median, double Least)[] Run(int threads, double seconds, params Action[] competitors)
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
                samples[index].Add(SecondsPerCall(competitors[index], SecondsPerTurn, threads == 1));
            }
        }

        return [.. samples.Select(list => (Median(list), list[0]))];
    }

    /// <summary>Calls until so many seconds have gone by.</summary>
    public static double SecondsPerCall(Action competitor, double seconds, bool inProcessorTime = true)
    {
        var start = Stopwatch.GetTimestamp();
        var processor = Environment.CpuUsage.TotalTime;
        var calls = 0;
        do
        {
            competitor();
            calls++;
        }
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds);
        var elapsed = inProcessorTime ? Environment.CpuUsage.TotalTime - processor : Stopwatch.GetElapsedTime(start);
        return elapsed.TotalSeconds / calls;
    }

    private static double Median(List<double> samples)
    {
        samples.Sort();
        return (samples[samples.Count / 2] + samples[(samples.Count - 1) / 2]) / 2;
    }
}
