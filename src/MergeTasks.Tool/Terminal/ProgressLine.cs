using System.Diagnostics;
using System.Globalization;
using MergeTasks.Language.Options;
using MergeTasks.Library;

namespace MergeTasks.Tool.Terminal;

/// <summary>How far work has come: one line that is written over on a terminal, a line every 30 seconds elsewhere.</summary>
/// <param name="streams">Where to.</param>
internal sealed class ProgressLine(Streams streams) : IProgress<MergeProgressed>, IDisposable
{
    private const string Erase = "\r\u001b[K";

    private readonly Lock _gate = new();
    private readonly Stopwatch _clock = new();
    private readonly TimeSpan _interval = streams.IsErrorTerminal ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromSeconds(30);
    private (string Merge, string Work) _of;
    private TimeSpan _next;
    private bool _isShown;

    /// <inheritdoc/>
    public void Report(MergeProgressed value)
    {
        ArgumentNullException.ThrowIfNull(value);
        lock (_gate)
        {
            if (_of != (value.Merge, value.Work))
            {
                (_of, _next) = ((value.Merge, value.Work), _interval);
                _clock.Restart();
            }

            if (_clock.Elapsed < _next)
                return;
            _next = _clock.Elapsed + _interval;
            var text = Describe(value, _clock.Elapsed);
            streams.Error.Write(streams.IsErrorTerminal ? Erase + text : text + "\n");
            _isShown = streams.IsErrorTerminal;
        }
    }

    /// <summary>The line: what is done, how much of it, how fast, and when it will be.</summary>
    internal static string Describe(MergeProgressed value, TimeSpan elapsed)
    {
        var isBytes = value.Work == "merging";
        var rate = value.Done / Math.Max(elapsed.TotalSeconds, 1e-3);
        var speed = isBytes ? $"{ByteSize.Format((long)rate)}/s" : string.Create(CultureInfo.InvariantCulture, $"{rate:N0} tokens/s");
        if (value.Total <= 0 || value.Done <= 0)
            return $"{value.Merge}: {value.Work}{(value.Done > 0 ? $", {speed}" : "")}";
        var left = TimeSpan.FromSeconds(Math.Ceiling(Math.Max(0, value.Total - value.Done) / rate));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{value.Merge}: {value.Work}, {100.0 * value.Done / value.Total:0} %, {speed}, {left:c} left");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isShown)
            streams.Error.Write(Erase);
    }
}
