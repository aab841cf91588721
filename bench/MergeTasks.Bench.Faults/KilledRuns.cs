using System.Diagnostics;

namespace MergeTasks.Bench.Faults;

/// <summary>Kills builds at random moments, some of them several times before one is let through.</summary>
internal sealed class KilledRuns(FaultOptions options, FaultReport report)
{
    public void Run()
    {
        var project = new FaultProject(Directory.CreateTempSubdirectory("mergetasks-faults-").FullName);
        project.Write();
        var promises = new Promises(project, report);
        var random = new Random(options.Seed);
        for (var round = 0; round < options.Rounds; round++)
        {
            var variant = FaultProject.Variants[round % 2];
            var watch = Stopwatch.StartNew();
            using var child = new Child(project.Folder, variant, "wait");
            child.Go();

            // Compiling included, a build takes a second or two; most of the moments should fall into it.
            Thread.Sleep(random.Next(20, 1600));
            child.Kill();
            var (code, _) = child.Wait();
            report.Ended(code == 0 ? "well" : "killed");
            if (round % 3 != 0)
                promises.Check($"kill {round} after {watch.ElapsedMilliseconds} ms", FaultProject.Variants[random.Next(2)]);
        }

        promises.Check("all kills", "a");
        Directory.Delete(project.Folder, recursive: true);
    }
}
