using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Library;

/// <summary>How far the work on a merge has come.</summary>
/// <param name="Merge">The merge.</param>
/// <param name="Work">What is being done, for people: <c>merging</c>, or which model is scored for what.</param>
/// <param name="Done">Bytes of weights written, or tokens run through the model, since that began.</param>
/// <param name="Total">The same in the end; 0 where it is not known yet.</param>
public sealed record MergeProgressed(string Merge, string Work, long Done, long Total);

// The product tells of steps, each from any thread; users hear of sums.
internal sealed class ReportedProgress(
    string merge, IProgress<MergeProgressed>? progress, Action<MergeProblem>? warned, Action<string>? noted) : MergeProgress
{
    private readonly Lock _gate = new();
    private string _work = "merging";
    private long _done;
    private long _total;

    public override void Scoring(string model, string phase, long tokens, string cost) => Begin($"{model}: {phase}", tokens);

    public override void Scored(long tokens) => Tell(done => done + tokens, null);

    public override void Scored(long done, long all) => Tell(_ => done, all);

    public override void Starting(long bytes) => Begin("merging", bytes);

    public override void Written(int bytes) => Tell(done => done + bytes, null);

    public override void Warn(Diagnostic warning) => warned?.Invoke(MergeProblem.From(warning));

    public override void Note(string message) => noted?.Invoke(message);

    private void Begin(string work, long total)
    {
        lock (_gate)
            (_work, _done, _total) = (work, 0, total);
        Tell(done => done, null);
    }

    private void Tell(Func<long, long> change, long? total)
    {
        MergeProgressed now;
        lock (_gate)
        {
            (_done, _total) = (change(_done), total ?? _total);
            now = new MergeProgressed(merge, _work, _done, _total);
        }

        progress?.Report(now);
    }
}
