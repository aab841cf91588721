using System.Diagnostics;

namespace MergeTasks.Bench.Faults;

/// <summary>This program again, as a worker.</summary>
internal sealed class Child : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly Task<string> _output;

    public Child(string folder, string variant, params string[] rest)
    {
        var start = new ProcessStartInfo(
            "dotnet")
        { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { typeof(Child).Assembly.Location, "work", folder, variant }.Concat(rest))
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        if (rest.Contains("warm") || rest.Contains("wait"))
            _process.StandardOutput.ReadLine();
        _output = ReadAsync();
    }

    public int Id => _process.Id;

    /// <summary>Lets a worker that waits go on.</summary>
    public void Go() => _process.StandardInput.WriteLine();

    public void Kill() => _process.Kill();

    /// <summary>Waits for the end.</summary>
    /// <returns>Exit code, or -1 where it does not end; and what it printed.</returns>
    public (int Code, string Output) Wait()
    {
        if (!_process.WaitForExit(Longest))
        {
            _process.Kill();
            return (-1, "it did not end");
        }

        return (_process.ExitCode, _output.Result);
    }

    public void Dispose() => _process.Dispose();

    private async Task<string> ReadAsync() =>
        (await _process.StandardOutput.ReadToEndAsync()) + await _process.StandardError.ReadToEndAsync();
}
