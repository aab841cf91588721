using System.Diagnostics;
using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Options;
using MergeTasks.Sources.Contract;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks;

/// <summary>A line in the log when fetching begins, every ten seconds how far it has come, and what came in the end.</summary>
internal sealed class LoggedRestore(TaskLoggingHelper log) : RestoreProgress, IDisposable
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Stopwatch _clock = new();
    private long _total;
    private long _received;
    private TimeSpan _next = First;

    public override void Starting(int files, long bytes)
    {
        lock (_gate)
        {
            _total = bytes;
            _clock.Start();
        }

        log.LogMessage(
            MessageImportance.High,
            bytes > 0 ? "Fetching {0} model file(s), {1}." : "Fetching {0} model file(s).",
            files,
            ByteSize.Format(bytes));
    }

    public override void Received(long bytes)
    {
        lock (_gate)
        {
            _received += bytes;
            if (_clock.Elapsed < _next)
                return;
            _next = _clock.Elapsed + Interval;
            var rate = Math.Max(1, _received / _clock.Elapsed.TotalSeconds);
            var left = TimeSpan.FromSeconds(Math.Max(0, Math.Round((_total - _received) / rate)));
            if (_total > 0)
                log.LogMessage(MessageImportance.High, "Fetching models: {0} of {1}, {2}/s, {3} left.",
                    ByteSize.Format(
                        _received), ByteSize.Format(_total), ByteSize.Format((long)rate), left.ToString("c", CultureInfo.InvariantCulture));
            else
                log.LogMessage(
                    MessageImportance.High, "Fetching models: {0}, {1}/s.", ByteSize.Format(_received), ByteSize.Format((long)rate));
        }
    }

    public override void Note(string message) => log.LogMessage(MessageImportance.High, "{0}", message);

    public override void Waiting(string file) =>
        log.LogMessage(MessageImportance.High, "Waiting for another process that is fetching {0}.", file);

    public void Dispose()
    {
        if (_clock.IsRunning)
            log.LogMessage(
                MessageImportance.High, "Models fetched: {0} in {1:0.0} s.", ByteSize.Format(_received), _clock.Elapsed.TotalSeconds);
    }
}
