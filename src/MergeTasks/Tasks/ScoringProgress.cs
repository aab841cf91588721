using System.Diagnostics;
using System.Globalization;
using MergeTasks.Language.Diagnostics;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks;

/// <summary>
/// Of a merge's scores one line in the log when they begin, and every 30 seconds how far they have come; what each score takes is for those
/// who ask for more (verbosity normal).
/// </summary>
internal sealed class ScoringProgress(TaskLoggingHelper log, string merge, Action<Diagnostic> report, RunningPhase? running)
    : MergeProgress, IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Stopwatch _all = new();
    private readonly Stopwatch _clock = new();
    private string _phase = "";
    private long _planned;
    private long _run;
    private long _tokens;
    private long _done;
    private TimeSpan _next = Interval;

    public override void Waiting() =>
        log.LogMessage(MessageImportance.High, "{0}: waiting for another build that computes the same scores.", merge);

    public override void Planned(int scores, long tokens)
    {
        lock (_gate)
            _planned = tokens;
        log.LogMessage(
            MessageImportance.High, "{0}: scoring, {1} scores, about {2} tokens through models.", merge, Number(scores), Number(tokens));
    }

    public override void Scoring(string model, string phase, long tokens, string cost)
    {
        Finish();
        running?.Tell(model, phase);
        lock (_gate)
        {
            (_phase, _tokens, _done) = ($"{model}: {phase}", tokens, 0);
            _clock.Restart();
            _all.Start();
        }

        log.LogMessage(MessageImportance.Normal, "{0}: scoring {1} ({2}).", merge, _phase, cost);
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

    // Of everything, where that was announced; a search may take more passes than it usually does.
    private void Tell(long done, long all)
    {
        _run += done - _done;
        (_done, _tokens) = (done, all);
        if (_all.Elapsed < _next)
            return;
        _next = _all.Elapsed + Interval;
        var (run, total, clock) = _planned > 0 ? (_run, _planned, _all) : (_done, _tokens, _clock);
        var rate = run / clock.Elapsed.TotalSeconds;
        var left = TimeSpan.FromSeconds(Math.Round(Math.Max(0, total - run) / rate));
        log.LogMessage(MessageImportance.High, "{0}: scoring, {1} of {2} tokens, {3} tokens/s, about {4} left ({5}).",
            merge, Number(run), total > 0 ? Number(Math.Max(run, total)) : "?", Number((long)rate),
            left.ToString("c", CultureInfo.InvariantCulture), _phase);
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
