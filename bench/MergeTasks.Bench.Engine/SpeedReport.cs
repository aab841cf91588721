using System.Diagnostics;
using MergeTasks.Transformers;

namespace MergeTasks.Bench.Engine;

/// <summary>Tokens per second, forwards and forwards with backwards, at sequence length 512.</summary>
internal static class SpeedReport
{
    private const int Length = 512;
    private const int Rounds = 7;

    public static int Run(string folder)
    {
        RandomLlama.Small.Write(folder);
        var random = new Random(2);
        int[] ids = [.. Enumerable.Range(0, Length).Select(_ => random.Next(RandomLlama.Small.Vocabulary))];
        var batch = TokenBatch.Of(ids);
        Target[] targets = [.. Enumerable.Range(0, Length - 1).Select(position => new Target(0, position, ids[position + 1], -1.0 / (Length - 1)))];
        foreach (var threads in new[] { 1, 2 })
        {
            using var model = new CpuEngine(new EngineOptions { Threads = threads }).Load(folder);
            var forward = Best(() => model.Score(batch, targets));
            var both = Best(() => model.Backward(batch, targets, new Dropper()));
            Console.WriteLine($"threads {threads}: forward {Length / forward,7:F1} tokens/s, forward and backward {Length / both,7:F1} tokens/s");
        }

        return 0;
    }

    private static double Best(Action work)
    {
        var best = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            work();
            best = Math.Min(best, watch.Elapsed.TotalSeconds);
        }

        return best;
    }

    private sealed class Dropper : IGradientReceiver
    {
        public void Receive(in GradientPiece piece)
        {
        }
    }
}
