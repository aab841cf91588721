using System.Globalization;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Bench.Engine;

/// <summary>
/// Peak resident memory, mapped pages of the weights included, of one forward and backward pass of a 1-billion-parameter model in bf16 over
/// 512 tokens, with every gradient reduced to its norm.
/// </summary>
internal static class MemoryReport
{
    private const long Limit = 4L << 30;
    private const int Length = 512;

    public static int Run(string folder)
    {
        Console.WriteLine($"{RandomLlama.Billion.Parameters:N0} parameters in {folder}");
        RandomLlama.Billion.Write(folder);
        var random = new Random(2);
        int[] ids = [.. Enumerable.Range(0, Length).Select(_ => random.Next(RandomLlama.Billion.Vocabulary))];
        Target[] targets = [
            .. Enumerable.Range(0, Length - 1).Select(position => new Target(0, position, ids[position + 1], -1.0 / (Length - 1)))
        ];
        var norms = new SquaredNorm();
        using (var model = new CpuEngine().Load(folder))
        {
            var scores = model.Backward(TokenBatch.Of(ids), targets, norms);
            Console.WriteLine($"loss {-scores.Average(score => score.LogProbability):F4}, squared gradient norm {norms.Total:E4}");
        }

        var peak = PeakResidentBytes();
        Console.WriteLine($"peak resident memory {peak / (1024.0 * 1024 * 1024):F2} GiB of {Limit / (1024.0 * 1024 * 1024):F0} GiB");
        return peak <= Limit ? 0 : 1;
    }

    internal static long PeakResidentBytes()
    {
        const string key = "VmHWM:";
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(key, StringComparison.Ordinal));
        return 1024 * long.Parse(line[key.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
    }

    private sealed class SquaredNorm : IGradientReceiver
    {
        public double Total { get; private set; }

        public void Receive(in GradientPiece piece)
        {
            foreach (var value in piece.Values)
                Total += (double)value * value;
        }
    }
}
