using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics;

namespace MergeTasks.Bench.Engine;

/// <summary>The same model in eager PyTorch: a child process that runs it when told to and says how long it took.</summary>
internal sealed class TorchCompetitor : IDisposable
{
    private readonly Process _process;
    private readonly string _ids;

    /// <summary>Starts <paramref name="python"/>, which must have PyTorch and NumPy (Debian: python3-torch), and loads the model.</summary>
    public TorchCompetitor(string python, string folder, int threads, IReadOnlyList<int> ids)
    {
        _ids = Path.GetTempFileName();
        File.WriteAllText(_ids, string.Join(' ', ids));
        var script = Path.Combine(AppContext.BaseDirectory, "torch_llama.py");
        var start = new ProcessStartInfo(python, [script, folder, threads.ToString(CultureInfo.InvariantCulture), _ids])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        // The OpenBLAS release in Debian 12 takes processors newer than itself for a Prescott and then runs SSE3 kernels.
        if (Vector512.IsHardwareAccelerated)
            start.Environment.TryAdd("OPENBLAS_CORETYPE", "SkylakeX");
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{python} did not start.");
        Version = ReadLine();
    }

    /// <summary>PyTorch's name and version.</summary>
    public string Version { get; }

    /// <summary>Runs the model once.</summary>
    public PassMeasure Run(bool backward)
    {
        _process.StandardInput.WriteLine(backward ? "backward" : "forward");
        var answer = Array.ConvertAll(ReadLine().Split(' '), number => double.Parse(number, CultureInfo.InvariantCulture));
        return new PassMeasure(answer[0], answer[1], answer[2]);
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
        File.Delete(_ids);
    }

    private string ReadLine() =>
        _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("PyTorch's process ended; see its message above.");
}
