using System.Diagnostics;
using System.Globalization;
using MergeTasks.Language.Diagnostics;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks;

/// <summary>A line in the log for every score that is computed, and every 30 seconds how far it has come.</summary>
internal sealed class ScoringProgress(TaskLoggingHelper log, string merge, Action<Diagnostic> report, RunningPhase? running)
    : MergeProgress, IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Stopwatch _clock = new();
    private string _phase = "";
    private long _tokens;
    private long _done;
    private TimeSpan _next;

    public override void Waiting() =>
        log.LogMessage(MessageImportance.High, "{0}: waiting for another build that computes the same scores.", merge);

    public override void Scoring(string model, string phase, long tokens, string cost)
    {
        Finish();
        running?.Tell(model, phase);
        lock (_gate)
        {
            (_phase, _tokens, _done, _next) = ($"{model}: {phase}", tokens, 0, Interval);
            _clock.Restart();
        }

        log.LogMessage(MessageImportance.High, "{0}: scoring {1} ({2}).", merge, _phase, cost);
    }

    public override void Scored(long tokens)
    {
        lock (_gate)
            Tell(_done + tokens, _tokens);
    }

    public override void Scored(long done, long all)
    {
        lock (_gate)
            Tell(done, all);
    }

    public override void Warn(Diagnostic warning) => report(warning);

    public override void Note(string message) => log.LogMessage(MessageImportance.High, "{0}", message);

    public void Dispose() => Finish();

    private void Tell(long done, long all)
    {
        (_done, _tokens) = (done, all);
        var elapsed = _clock.Elapsed;
        if (elapsed < _next)
            return;
        _next = elapsed + Interval;
        var rate = _done / elapsed.TotalSeconds;
        var left = TimeSpan.FromSeconds(Math.Round((_tokens - _done) / rate));
        log.LogMessage(MessageImportance.High, "{0}: {1}, {2} of {3} tokens, {4} tokens/s, {5} left.",
            merge, _phase, Number(_done), Number(_tokens), Number((long)rate), left.ToString("c", CultureInfo.InvariantCulture));
    }

    private void Finish()
    {
        lock (_gate)
        {
            if (_done > 0)
                log.LogMessage(
                    MessageImportance.Normal,
                    "{0}: {1} done, {2} tokens in {3:0.0} s.",
                    merge,
                    _phase,
                    Number(_done),
                    _clock.Elapsed.TotalSeconds);
            _done = 0;
        }
    }

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
