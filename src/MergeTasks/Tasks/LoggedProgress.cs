using System.Diagnostics;
using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks;

/// <summary>A line in the log for every tenth of a large output. The terminal shows the phase by itself.</summary>
internal sealed class LoggedProgress(TaskLoggingHelper log, string name, Action<Diagnostic> report, RunningPhase? running) : MergeProgress
{
    // Below this a merge is over before anybody reads the second line.
    private const long SmallestLogged = 64 << 20;
    private const int Steps = 10;

    private readonly Lock _gate = new();
    private readonly Stopwatch _clock = new();
    private long _total;
    private long _written;
    private int _step;

    public override void Waiting() => log.LogMessage(MessageImportance.High, "{0}: waiting for another build that is making it.", name);

    // Only where the cache cannot be written: otherwise scores were computed a phase before.
    public override void Scoring(string model, string phase, long tokens, string cost)
    {
        running?.Tell(model, phase);
        log.LogMessage(MessageImportance.High, "{0}: scoring {1}: {2} ({3}).", name, model, phase, cost);
    }

    public override void Warn(Diagnostic warning) => report(warning);

    public override void Note(string message) => log.LogMessage(MessageImportance.High, "{0}", message);

    public override void Starting(long bytes)
    {
        _total = bytes;
        _clock.Restart();
    }

    public override void Written(int bytes)
    {
        lock (_gate)
        {
            _written += bytes;
            if (_total < SmallestLogged || _written * Steps / _total <= _step)
                return;
            _step = (int)(_written * Steps / _total);
            var rate = _written / Math.Max(_clock.Elapsed.TotalSeconds, 1e-3);
            log.LogMessage(
                MessageImportance.High,
                "{0}: {1} % ({2} of {3}), {4}/s, {5} left",
                name,
                _step * (100 / Steps),
                ByteSize.Format(_written),
                ByteSize.Format(_total),
                ByteSize.Format((long)rate),
                TimeSpan.FromSeconds(Math.Ceiling((_total - _written) / rate)).ToString("c", CultureInfo.InvariantCulture));
        }
    }
}
