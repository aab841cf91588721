using System.Diagnostics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Interrupted;

/// <summary>A merge of half a gigabyte, killed at random times.</summary>
public sealed class KilledLargeMerge : IDisposable
{
    private const int Tensors = 2;

    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    [Fact]
    public void After_kills_at_any_time_the_next_build_gives_what_an_undisturbed_one_gives()
    {
        foreach (var (model, seed) in new[] { ("a", 1), ("b", 2) })
        {
            LargeCheckpoint.WriteRandom(Path.Combine(_space.Folder, "models", model), Tensors, seed);
            _space.Source("models/" + model, ("Weight", "1"));
        }

        _space.Merge("m", ("Method", "linear"), ("MaxShardSize", "300MB"));
        _space.Plan();
        var watch = Stopwatch.StartNew();
        Assert.False(CrashingProcess.Run(_space, "m", "never", 0));
        var undisturbed = watch.Elapsed;
        var expected = FolderContent.Of(_space.Output("m"));
        Assert.Equal(2, expected.Keys.Count(name => name.EndsWith(".safetensors", StringComparison.Ordinal)));

        Directory.Delete(_space.Output("m"), recursive: true);
        var seedOfTimes = Environment.TickCount;
        var random = new Random(seedOfTimes);
        for (var kill = 0; kill < 4; kill++)
        {
            using var process = CrashingProcess.Start(_space, "m");
            if (!process.WaitForExit(undisturbed * random.NextDouble()))
                process.Kill();
            process.WaitForExit();

            // Only a build that was complete already may count as one.
            if (_space.State("m").IsFresh)
                Assert.Equal(expected, FolderContent.Of(_space.Output("m")));
        }

        _space.Run("m");
        Assert.True(expected.SequenceEqual(FolderContent.Of(_space.Output("m"))), $"Random times from seed {seedOfTimes}.");
    }
}
