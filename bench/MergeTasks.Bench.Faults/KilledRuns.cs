using System.Diagnostics;

namespace MergeTasks.Bench.Faults;

/// <summary>
/// Kills builds at random moments, some of them several times before one is let through, until as many as wanted were killed before they
/// ended.
/// </summary>
internal sealed class KilledRuns(FaultOptions options, FaultReport report)
{
    private const int MostPerKill = 4;

    // How long builds that ended took, the last ones: the machine has other work, too, and moments after the end are none.
    private readonly Queue<double> _durations = new();

    public void Run()
    {
        var project = new FaultProject(Directory.CreateTempSubdirectory("mergetasks-faults-").FullName);
        project.Write();
        var promises = new Promises(project, report);
        var random = new Random(options.Seed);
        for (var i = 0; i < 3; i++)
        {
            project.RemoveOutputs();
            Measure(project, "a", null);
        }

        var killed = 0;
        for (var round = 0; killed < options.Rounds && round < options.Rounds * MostPerKill; round++)
        {
            var variant = FaultProject.Variants[round % 2];
            var delay = random.NextDouble() * _durations.Order().ElementAt(_durations.Count / 2);
            if (Measure(project, variant, delay))
                killed++;
            if (round % 3 != 0)
                promises.Check($"kill {round} after {delay:F0} ms", FaultProject.Variants[random.Next(2)]);
        }

        promises.Check("all kills", "a");
        if (killed < options.Rounds)
            report.Broken($"only {killed} builds were killed before they ended");
        Directory.Delete(project.Folder, recursive: true);
    }

    // Whether it was killed before it ended.
    private bool Measure(FaultProject project, string variant, double? delay)
    {
        using var child = new Child(project.Folder, variant, "wait");
        var watch = Stopwatch.StartNew();
        child.Go();
        if (delay is { } wait)
        {
            Thread.Sleep((int)wait);
            child.Kill();
        }

        var (code, _) = child.Wait();
        if (code == 0)
        {
            // A build that has ended when it is to be killed took at most as long as it was waited for.
            _durations.Enqueue(watch.Elapsed.TotalMilliseconds);
            if (_durations.Count > 5)
                _durations.Dequeue();
        }

        if (delay is not null)
            report.Ended(code == 0 ? "well" : "killed");
        return code != 0;
    }
}
