using System.Diagnostics;

namespace MergeTasks.TestSupport;

/// <summary>What stands where a file is expected and is none.</summary>
internal static class SpecialFiles
{
    /// <summary>A named pipe that nobody writes to: whoever opens it to read waits for ever.</summary>
    public static void Pipe(string path)
    {
        File.Delete(path);
        Run("mkfifo", path);
    }

    /// <summary>Another name of a file.</summary>
    public static void HardLink(string file, string path)
    {
        File.Delete(path);
        Run("ln", file, path);
    }

    /// <summary>A symbolic link in the place of whatever is there.</summary>
    public static void Link(string path, string target)
    {
        File.Delete(path);
        File.CreateSymbolicLink(path, target);
    }

    /// <summary>Runs an action that must come to its end.</summary>
    public static void Soon(Action action)
    {
        var work = Task.Factory.StartNew(action, TaskCreationOptions.LongRunning);
        if (!((IAsyncResult)work).AsyncWaitHandle.WaitOne(TimeSpan.FromSeconds(10)))
            throw new TimeoutException("It did not end within 10 seconds.");
        work.GetAwaiter().GetResult();
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed.");
    }
}
