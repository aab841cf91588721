using MergeTasks.Language.Declarations;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// How a model does on each sample of a task: the mean log-probability of the sample's targets, of the samples that decide and of those
/// that are held.
/// </summary>
internal sealed record SampleScoreRequest : ScoreRequest
{
    private const string Deciding = "deciding", Held = "held";

    private readonly TaskRun _run;

    internal SampleScoreRequest(ScoreKey key, ModelDeclaration declaration, TaskRun run)
        : base(key, declaration, run.Data) => _run = run;

    /// <inheritdoc/>
    public override string Phase => "log-probability of its samples";

    /// <summary>The results, computed where the store lacks them.</summary>
    internal (double[] Deciding, double[] Held) Result(ScoringContext context)
    {
        var lists = ScoreFile.Read(context.PathOf(this));
        return (lists[Deciding], lists[Held]);
    }

    internal override ScoreWork Work() => ScoreWork.Forward(1, _run.Tokens(_run.Share)
        + (_run.Share == SampleShare.All ? 0 : _run.Tokens(SampleShare.Held)));

    internal override IEnumerable<ScoreList> Lists => [new(Deciding), new(Held)];

    internal override void Compute(ScoringContext context, string path)
    {
        using var loaded = _run.Model.Load(context.Engine);
        var (deciding, held) =
            (_run.Metric(loaded.Model), _run.Share == SampleShare.All ? null : _run.Metric(loaded.Model, SampleShare.Held));
        var tokens = deciding.Tokens + (held?.Tokens ?? 0);
        context.Progress.Scoring(Model.Label, Phase, tokens, $"one forward pass over {tokens} tokens");
        ScoreFile.Write(path, Key, [(Deciding, deciding.Each(loaded.Model, context)), (Held, held?.Each(loaded.Model, context) ?? [])]);
    }
}
