using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace MergeTasks.Bench.Faults;

/// <summary>This program again, as a worker.</summary>
internal sealed class Child : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    private readonly Process _process;

    // Null: the worker stays, and says itself where a build's output ends.
    private readonly Task<string>? _output;

    public Child(string folder, string variant, params string[] rest)
    {
        var start = new ProcessStartInfo(
            "dotnet")
        { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { typeof(Child).Assembly.Location, "work", folder, variant }.Concat(rest))
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        var stays = rest.Contains("warm");
        if (stays || rest.Contains("wait"))
            _process.StandardOutput.ReadLine();
        _output = stays ? null : ReadAsync();
    }

    public int Id => _process.Id;

    /// <summary>Lets a worker that waits go on.</summary>
    public void Go() => _process.StandardInput.WriteLine();

    public void Kill() => _process.Kill();

    /// <summary>Waits for the end of the process, or of the build where the worker stays.</summary>
    /// <returns>Exit code, or -1 where it does not end; and what it printed.</returns>
    public (int Code, string Output) Wait()
    {
        if (_output is null)
            return WaitForBuild();
        if (!_process.WaitForExit(Longest))
        {
            _process.Kill();
            return (-1, "it did not end");
        }

        return (_process.ExitCode, _output.Result);
    }

    public void Dispose()
    {
        if (_output is null)
            _process.Kill();
        _process.Dispose();
    }

    private (int Code, string Output) WaitForBuild()
    {
        var output = new StringBuilder();
        while (_process.StandardOutput.ReadLineAsync() is var reading && reading.Wait(Longest) && reading.Result is { } line)
        {
            if (line.StartsWith(Worker.Ended, StringComparison.Ordinal))
                return (int.Parse(line[Worker.Ended.Length..], CultureInfo.InvariantCulture), output.ToString());
            output.AppendLine(line);
        }

        output.AppendLine(_process.HasExited ? _process.StandardError.ReadToEnd() : "it did not end");
        return (-1, output.ToString());
    }

    private async Task<string> ReadAsync() =>
        (await _process.StandardOutput.ReadToEndAsync()) + await _process.StandardError.ReadToEndAsync();
}
