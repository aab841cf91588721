using System.Globalization;

namespace MergeTasks.Bench.Merging;

/// <summary>Watches the anonymous resident memory of this process (Linux; 0 elsewhere).</summary>
internal sealed class PeakMemory : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    private readonly Timer _timer;
    private long _peak;

    public PeakMemory() => _timer = new Timer(_ => Look(), null, TimeSpan.Zero, Interval);

    public long Peak
    {
        get
        {
            Look();
            return _peak;
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        if (!OperatingSystem.IsLinux())
            return;
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        _peak = Math.Max(
            _peak, long.Parse(line.Split(' ', '\t', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024);
    }
}
