using System.Diagnostics;
using System.Text;

namespace MergeTasks.Tests;

/// <summary>A run of the SDK as a user would start it, with nothing inherited from the test host's own build.</summary>
public sealed class Dotnet : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly Process _process;
    private readonly string _command;
    private readonly StringBuilder _output = new();
    private readonly ManualResetEventSlim _seen = new();
    private string _awaited = "\0";

    private Dotnet(string folder, string home, IReadOnlyDictionary<string, string>? environment, string[] arguments)
    {
        _command = $"dotnet {string.Join(' ', arguments)}";
        // A shell that runs the tests in the background has them ignore SIGINT, and what they start too, which tests of interrupts could
        // not.
        string[] command = OperatingSystem.IsLinux() ? ["env", "--default-signal=INT", "dotnet", .. arguments] : ["dotnet", .. arguments];
        var start = new ProcessStartInfo(
            command[0], command[1..])
        { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var inherited in start.Environment.Keys
            .Where(name =>
                name.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)
                    || name.StartsWith("VSTEST", StringComparison.Ordinal)
                    || name.StartsWith("MERGETASKS_CACHE_", StringComparison.Ordinal))
            .ToList())
            start.Environment.Remove(inherited);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["DOTNET_NOLOGO"] = "1";
        // Every run of the SDK leaves an empty folder where temporary files go.
        if (OperatingSystem.IsLinux())
            start.Environment["TMPDIR"] = RunFolder.Of("tmp");
        start.Environment["MERGETASKS_CACHE"] = Path.Combine(home, "cache");
        start.Environment["HF_HOME"] = Path.Combine(home, "hugging face");
        start.Environment["HF_ENDPOINT"] = "http://127.0.0.1:9";
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Runs to the end.</summary>
    public static BuildResult Run(string folder, string home, params string[] arguments)
    {
        using var run = Start(folder, home, null, arguments);
        return run.Wait();
    }

    /// <summary>Starts a run; nothing of the user's own caches is read, and no server but the test's own is asked.</summary>
    public static Dotnet Start(string folder, string home, IReadOnlyDictionary<string, string>? environment, params string[] arguments) =>
        new(folder, home, environment, arguments);

    /// <summary>Waits for the end.</summary>
    /// <param name="meanwhile">Called again and again while it runs.</param>
    public BuildResult Wait(Action<Process>? meanwhile = null)
    {
        var watch = Stopwatch.StartNew();
        while (!_process.WaitForExit(meanwhile is null ? 1000 : 20))
        {
            meanwhile?.Invoke(_process);
            if (watch.Elapsed > Limit)
                throw new TimeoutException($"{_command} did not end.\n{Output}");
        }

        // Once more without a limit: only this waits for the last lines of output.
        _process.WaitForExit();
        return new BuildResult(_process.ExitCode, Output);
    }

    /// <summary>Waits until the output contains a text.</summary>
    public void WaitFor(string text)
    {
        lock (_output)
        {
            if (_output.ToString().Contains(text, StringComparison.Ordinal))
                return;
            _awaited = text;
        }

        Assert.True(_seen.Wait(Limit), $"{_command} did not print '{text}'.\n{Output}");
    }

    /// <summary>What Ctrl-C does in a terminal.</summary>
    public void Interrupt()
    {
        using var kill = Process.Start("kill", ["-INT", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
        _seen.Dispose();
    }

    private string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    private void Append(string? line)
    {
        lock (_output)
        {
            _output.AppendLine(line);
            if (line?.Contains(_awaited, StringComparison.Ordinal) == true)
                _seen.Set();
        }
    }
}

public sealed record BuildResult(int ExitCode, string Output)
{
    public bool Succeeded => ExitCode == 0;
}
