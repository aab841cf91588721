using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace MergeTasks.Tests;

/// <summary>
/// Processes of the SDK that stay for the whole run of the tests: each runs one command line after the other through the SDK's own Main,
/// in that command's folder and environment. The second command takes a third of the first one's processor time, most of which goes
/// into compiling the SDK's and the tasks' code. What a test does to a process, or needs of a new one, runs in <see cref="Dotnet"/>.
/// </summary>
public static class WarmSdk
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    // Each command leaves some 6 MB behind in MSBuild, so that a process is replaced before it is a large one.
    private const int Commands = 60;

    private static readonly ConcurrentBag<(Process Process, int Commands)> Free = [];

    private static readonly SemaphoreSlim Places = new(Environment.ProcessorCount);

    /// <summary>Runs to the end.</summary>
    public static BuildResult Run(string folder, string home, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        var variables = new ProcessStartInfo().Environment;
        Dotnet.SetEnvironment(variables, home, environment);
        var command = new SdkCommand(folder, variables.ToDictionary()!, arguments);
        Places.Wait();
        try
        {
            var (process, commands) = Free.TryTake(out var free) ? free : (Start(), 0);
            var result = Run(process, command);
            if (process.HasExited)
                process.Dispose();
            else if (commands + 1 < Commands)
                Free.Add((process, commands + 1));
            else
                End(process);
            return result;
        }
        finally
        {
            Places.Release();
        }
    }

    /// <summary>Ends all processes.</summary>
    public static void End()
    {
        foreach (var (process, _) in Free)
            End(process);
    }

    private static BuildResult Run(Process process, SdkCommand command)
    {
        process.StandardInput.WriteLine(JsonSerializer.Serialize(command));
        process.StandardInput.Flush();

        var output = new StringBuilder();
        var errors = Task.Run(() => Read(process.StandardError, output));
        var result = Task.Run(() => Read(process.StandardOutput, output));
        if (!Task.WaitAll([errors, result], Limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"dotnet {string.Join(' ', command.Arguments)} did not end.\n{output}");
        }

        if (result.Result is { } code)
            return new BuildResult(int.Parse(code, CultureInfo.InvariantCulture), output.ToString());

        // The command ended the process.
        process.WaitForExit();
        return new BuildResult(process.ExitCode, output.ToString());
    }

    // Adds what a command writes; what follows its end, or null where the process ends instead.
    private static string? Read(StreamReader stream, StringBuilder output)
    {
        while (stream.ReadLine() is { } line)
        {
            var end = line.IndexOf(SdkCommand.End, StringComparison.Ordinal);
            lock (output)
            {
                if (end < 0)
                    output.AppendLine(line);
                else if (end > 0)
                    output.AppendLine(line[..end]);
            }

            if (end >= 0)
                return line[(end + 1)..];
        }

        return null;
    }

    private static Process Start()
    {
        // What the muxer would run is of no importance: the hook comes before it.
        var start = new ProcessStartInfo("dotnet", ["build"])
        {
            WorkingDirectory = RunFolder.Of("tmp"),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Dotnet.SetEnvironment(start.Environment, start.WorkingDirectory, null);
        start.Environment["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location;
        return Process.Start(start)!;
    }

    // It ends where its input does.
    private static void End(Process process)
    {
        using (process)
        {
            process.StandardInput.Close();
            process.WaitForExit();
        }
    }
}

/// <summary>One command of <c>dotnet</c>, as a line of JSON.</summary>
/// <param name="Folder">Where it is called.</param>
/// <param name="Variables">All of its environment.</param>
/// <param name="Arguments">What follows <c>dotnet</c>.</param>
internal sealed record SdkCommand(string Folder, Dictionary<string, string> Variables, string[] Arguments)
{
    /// <summary>Ends what a command has written: on both streams, and on the first the exit code follows.</summary>
    public const char End = '\u0004';
}
