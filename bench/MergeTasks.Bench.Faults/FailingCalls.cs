using System.Diagnostics;

namespace MergeTasks.Bench.Faults;

/// <summary>
/// Lets each system call of a build fail in turn, once, and once from there on. The build is one that has been compiled: what fails is
/// ours.
/// </summary>
internal sealed class FailingCalls(FaultOptions options, FaultReport report)
{
    private const int MostCalls = 400;

    // Files are read and written at positions; read and write are the worker's own talk with this process.
    private static readonly (string Call, string[] Errors)[] Calls =
    [
        ("openat", ["EACCES", "EIO", "ENOSPC"]), ("pread64", ["EIO"]), ("pwrite64", ["ENOSPC", "EIO"]), ("ftruncate", ["ENOSPC"]),
        ("fallocate",
            ["ENOSPC"]), ("rename",
                ["EACCES", "ENOSPC"]), ("unlink",
                    ["EACCES"]), ("mkdir", ["EACCES", "ENOSPC"]), ("flock", ["EIO"]), ("fsync", ["EIO"]), ("getdents64", ["EIO"]),
    ];

    public void Run()
    {
        var root = Directory.CreateTempSubdirectory("mergetasks-faults-").FullName;
        var (project, warm) = (new FaultProject(Path.Combine(root, "project")), new FaultProject(Path.Combine(root, "warm")));
        project.Write();
        warm.Write();
        var promises = new Promises(project, report);
        foreach (var (call, errors) in Calls)
        {
            foreach (var error in errors)
            {
                foreach (var persistent in new[] { false, true })
                {
                    for (var number = 1; number < MostCalls
                        && Fails(project, warm, promises, call, error, number, persistent); number += options.Every)
                    {
                    }
                }
            }
        }

        Directory.Delete(root, recursive: true);
    }

    private static bool Fails(
        FaultProject project, FaultProject warm, Promises promises, string call, string error, int number, bool persistent)
    {
        // An output of the other variant lies there, so that there is an old one to keep.
        project.Build("b", Language.Diagnostics.MergeProgress.None);
        warm.RemoveOutputs();
        var what = $"{call} number {number}{(persistent ? " and all after it" : "")} {error}";
        using var child = new Child(project.Folder, "a", "warm", warm.Folder);
        var log = Path.Combine(project.Folder, "strace.log");
        using var strace = Process.Start(new ProcessStartInfo("strace")
        {
            ArgumentList =
                {
                    "-f",
                    "-p",
                    child.Id.ToString(),
                    "-o",
                    log,
                    "-e",
                    $"trace={call}",
                    "-e",
                    $"inject={call}:error={error}:when={number}{(persistent ? "+" : "")}"
                },
            RedirectStandardError = true,
        })!;
        while (strace.StandardError.ReadLine() is { } line && !line.Contains("attached", StringComparison.Ordinal))
        {
        }

        child.Go();
        var (code, output) = child.Wait();
        strace.WaitForExit();
        var injected = File.Exists(log) && File.ReadLines(log).Any(line => line.Contains("(INJECTED)", StringComparison.Ordinal));
        File.Delete(log);
        if (injected)
            promises.CheckEnd(what, code, output);
        promises.Check(what, "a");
        return injected;
    }
}
