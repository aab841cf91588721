using System.Diagnostics;

namespace MergeTasks.Bench.Faults;

/// <summary>
/// Lets each system call of a build fail in turn, once, and once from there on. The build is one that has been compiled: what fails is
/// ours.
/// </summary>
internal sealed class FailingCalls(FaultOptions options, FaultReport report)
{
    // Files are read and written at positions; read and write are the worker's own talk with this process.
    private static readonly (string Call, string[] Errors)[] Calls =
    [
        ("openat", ["EACCES", "EIO", "ENOSPC"]), ("pread64", ["EIO"]), ("pwrite64", ["ENOSPC", "EIO"]), ("ftruncate", ["ENOSPC"]),
        ("fallocate",
            ["ENOSPC"]), ("rename",
                ["EACCES", "ENOSPC"]), ("unlink",
                    ["EACCES"]), ("mkdir", ["EACCES", "ENOSPC"]), ("flock", ["EIO"]), ("fsync", ["EIO"]), ("getdents64", ["EIO"]),
    ];

    private static readonly bool[] OnceAndAlways = [false, true];

    // One process has most builds, as an editor's does: a fault must do no harm to the builds after it either.
    private Child? _child;

    public void Run()
    {
        var root = Directory.CreateTempSubdirectory("mergetasks-faults-").FullName;
        var (project, warm) = (new FaultProject(Path.Combine(root, "project")), new FaultProject(Path.Combine(root, "warm")));
        project.Write();
        warm.Write();
        var promises = new Promises(project, report);
        var counts = Count(project, warm);
        var all = Calls.SelectMany(call => call.Errors, (call, error) => (call.Call, Error: error))
            .SelectMany(
                pair => Enumerable.Range(1, counts.GetValueOrDefault(pair.Call)),
                (pair, number) => (pair.Call, pair.Error, Number: number))
            .SelectMany(
                _ => OnceAndAlways,
                (pair, persistent) => new Fault(
                    $"{pair.Call} number {pair.Number}{(persistent ? " and all after it" : "")} {pair.Error}",
                    pair.Call,
                    $"error={pair.Error}:when={pair.Number}{(persistent ? "+" : "")}"))
            .Where(fault => fault.Name.Contains(options.Only, StringComparison.Ordinal))
            .ToArray();

        // In no order, so that a run that is stopped, or does not do all, has tried all kinds.
        new Random(options.Seed).Shuffle(all);
        Console.Error.WriteLine($"{all.Length} faults: {string.Join(", ", counts.Select(count => $"{count.Value} {count.Key}"))}");
        foreach (var fault in options.Rounds == 0 ? all : all.Take(options.Rounds))
            Fails(project, warm, promises, fault);
        _child?.Dispose();
        Directory.Delete(root, recursive: true);
    }

    // How often a thread makes each call, at most: faults are counted in each thread.
    private Dictionary<string, int> Count(FaultProject project, FaultProject warm)
    {
        project.Build("b", Language.Diagnostics.MergeProgress.None);
        var lines = Traced(project, warm, [$"trace={string.Join(',', Calls.Select(call => call.Call))}"], out _, out _);
        return Calls.ToDictionary(
            call => call.Call,
            call => lines.Where(line => line.Contains($" {call.Call}(", StringComparison.Ordinal))
                .GroupBy(line => line.Split(' ')[0]).Select(thread => thread.Count()).DefaultIfEmpty().Max());
    }

    private void Fails(FaultProject project, FaultProject warm, Promises promises, Fault fault)
    {
        // An output of the other variant lies there, so that there is an old one to keep.
        project.Build("b", Language.Diagnostics.MergeProgress.None);
        var lines = Traced(
            project, warm, [$"trace={fault.Call}", $"inject={fault.Call}:{fault.Injected}"], out var code, out var output);
        if (lines.Any(line => line.Contains("(INJECTED)", StringComparison.Ordinal)))
            promises.CheckEnd(fault.Name, code, output);
        else
            report.Ended("no such call that time");
        promises.Check(fault.Name, "a");
    }

    private List<string> Traced(FaultProject project, FaultProject warm, string[] expressions, out int code, out string output)
    {
        _child ??= new Child(project.Folder, "a", "warm", warm.Folder);
        var log = Path.Combine(project.Folder, "strace.log");
        var start = new ProcessStartInfo("strace", ["-f", "-p", $"{_child.Id}", "-o", log]) { RedirectStandardError = true };
        foreach (var expression in expressions)
        {
            start.ArgumentList.Add("-e");
            start.ArgumentList.Add(expression);
        }

        using var strace = Process.Start(start)!;
        while (strace.StandardError.ReadLine() is { } line && !line.Contains("attached", StringComparison.Ordinal))
        {
        }

        _child.Go();
        (code, output) = _child.Wait();

        // It lets the worker go on without it. A worker whose build did not end well is not used again.
        using (var interrupt = Process.Start("kill", ["-INT", $"{strace.Id}"]))
            interrupt.WaitForExit();
        strace.StandardError.ReadToEnd();
        strace.WaitForExit();
        if (code is not (0 or Worker.Refused))
        {
            _child.Dispose();
            _child = null;
        }

        var lines = File.ReadAllLines(log).ToList();
        File.Delete(log);
        return lines;
    }

    private sealed record Fault(string Name, string Call, string Injected);
}
