using System.Diagnostics;
using System.Reflection;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Interrupted;

/// <summary>The crash host as a child process.</summary>
internal static class CrashingProcess
{
    /// <summary>Starts a merge, or several with commas, that kills its own process at a moment.</summary>
    /// <param name="variables">Environment variables of the process.</param>
    public static Process Start(
        MergeWorkspace space, string merge, string moment = "never", int call = 0, params (string Name, string Value)[] variables) =>
        Start(["dotnet", HostPath()], space, merge, moment, call, variables);

    /// <summary>Starts a crash host by the words of its command.</summary>
    public static Process Start(
        string[] host, MergeWorkspace space, string merge, string moment, int call, (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo(host[0]) { RedirectStandardError = true, RedirectStandardOutput = true };
        string[] arguments =
            [.. host[1..], space.Save(), merge, space.LockFile(merge), space.Threads.ToString(), moment, call.ToString()];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Runs a merge until it has killed itself or ended.</summary>
    /// <returns>Whether it was killed.</returns>
    public static bool Run(MergeWorkspace space, string merge, string moment, int call)
    {
        using var process = Start(space, merge, moment, call);
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(errors.Length == 0, errors);
        return process.ExitCode != 0;
    }

    // Both projects build into folders of the same name, one beside the other.
    internal static string HostPath()
    {
        var own = Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location)!;
        return Path.Combine(
            own.Replace("MergeTasks.Merging.Tests", "MergeTasks.CrashHost", StringComparison.Ordinal), "MergeTasks.CrashHost.dll");
    }
}
