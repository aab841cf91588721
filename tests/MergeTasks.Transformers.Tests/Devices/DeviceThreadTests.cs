#if WITH_TORCH
using System.Diagnostics;
using System.Globalization;
using MergeTasks.Torch;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Tests.Golden;
using static TorchSharp.torch;

namespace MergeTasks.Transformers.Tests.Devices;

/// <summary>The processor's threads under the TorchSharp engine, as the system counts them.</summary>
public class DeviceThreadTests
{
    // OpenMP makes threads for each thread that computes, and Linux names them after it.
    // Those of an ended thread end a little later, so each test has a name of its own.
    private static int _named;

    private readonly string _name = $"mt-openmp-{Interlocked.Increment(ref _named)}";

    [Theory]
    [InlineData(1, 4)]
    [InlineData(3, 1)]
    [InlineData(5, 2)]
    public void A_run_has_the_threads_of_its_own_engine(int threads, int ofAnother)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var (before, during) = (0, 0);
        OnThread(() =>
        {
            using var golden = new GoldenModel("llama-A");
            using var engine = new TorchEngine(new DeviceOptions { Threads = threads });
            using var model = engine.Load(golden.Folder);
            using var another = new TorchEngine(new DeviceOptions { Threads = ofAnother });
            before = Threads().Count;
            model.Backward(golden.Batch, golden.Targets, new GradientCollector());
            Assert.Equal(threads, get_num_threads());
            Work();
            during = Threads().Count;
        });

        // What the runtime starts from here has the name too, until it has its own.
        Assert.Equal(threads - 1, during - before);
    }

    [Fact]
    public void Another_engine_that_starts_meanwhile_leaves_a_run_its_threads()
    {
        var (alone, beside) = (0, 0);
        OnThread(() =>
        {
            using var engine = new TorchEngine(new DeviceOptions { Threads = 3 });
            var another = new Thread(() => new TorchEngine(new DeviceOptions { Threads = 5 }).Dispose());
            another.Start();
            another.Join();
            Work();
            beside = get_num_threads();
            using var next = new TorchEngine(new DeviceOptions { Threads = 2 });
            alone = get_num_threads();
        });
        Assert.Equal((3, 2), (beside, alone));
    }

    [Fact]
    public void Threads_that_wait_do_not_spin()
    {
        // Whoever sets a policy gets it.
        if (!OperatingSystem.IsLinux()
            || new[] { "OMP_WAIT_POLICY", "GOMP_SPINCOUNT" }.Any(name => Environment.GetEnvironmentVariable(name) is not null))
            return;
        const int rounds = 100, pause = 5;
        var (waited, ran) = (TimeSpan.Zero, TimeSpan.Zero);
        OnThread(() =>
        {
            using var engine = new TorchEngine(new DeviceOptions { Threads = 2 });
            Work();
            int[] helpers = [.. Threads().Where(id => !IsThis(id))];
            Assert.NotEmpty(helpers);
            var start = helpers.Sum(TimeOf);
            for (var round = 0; round < rounds; round++)
            {
                Work();
                var pausing = Stopwatch.StartNew();
                Thread.Sleep(pause);
                waited += pausing.Elapsed;
            }

            ran = TimeSpan.FromMicroseconds((helpers.Sum(TimeOf) - start) / 1000.0);
        });
        Assert.True(ran < waited / 4, $"The other threads ran for {ran} while there was nothing to do for {waited}.");
    }

    // Enough elements for as many threads as there may be.
    private static void Work()
    {
        using var scope = NewDisposeScope();
        ones(1 << 18).exp();
    }

    private void OnThread(Action work)
    {
        Exception? fault = null;
        var thread = new Thread(() => fault = Record.Exception(work)) { Name = _name };
        thread.Start();
        thread.Join();
        Assert.Null(fault);
    }

    private List<int> Threads() =>
    [
        .. Directory.GetDirectories("/proc/self/task").Where(folder => Read(Path.Combine(folder, "comm")) == _name)
            .Select(folder => int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture)),
    ];

    private static bool IsThis(int id) =>
        File.ResolveLinkTarget("/proc/thread-self", false)!.FullName.EndsWith($"/{id}", StringComparison.Ordinal);

    // Nanoseconds.
    private static long TimeOf(int id) =>
        Read($"/proc/self/task/{id}/schedstat") is { } text ? long.Parse(text.Split(' ')[0], CultureInfo.InvariantCulture) : 0;

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path).TrimEnd();
        }
        catch (IOException)
        {
            // The thread has ended.
            return null;
        }
    }
}
#endif
