using MergeTasks.Language.Declarations;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// How a model does on each sample of a task: the mean log-probability of the sample's targets, of the samples that decide and of those
/// that are held.
/// </summary>
internal sealed record SampleScoreRequest : DividedRequest
{
    private const string Deciding = "deciding", Held = "held";

    private readonly TaskRun _run;

    // What is known of the samples before the model is loaded.
    private readonly Lazy<Dictionary<string, TaskMetric>> _unloaded;

    internal SampleScoreRequest(ScoreKey key, ModelDeclaration declaration, TaskRun run)
        : base(key, declaration, run.Data) => (_run, _unloaded) = (run, new(() => Metrics(run.Share, run.Unloaded)));

    /// <inheritdoc/>
    public override string Phase => "log-probability of its samples";

    /// <summary>The results, computed where the store lacks them.</summary>
    internal (double[] Deciding, double[] Held) Result(ScoringContext context)
    {
        var lists = ScoreFile.Read(context.PathOf(this));
        return (lists[Deciding], lists[Held]);
    }

    internal override IEnumerable<ScoreList> Lists => [new(Deciding), new(Held)];

    private protected override int Count() => _unloaded.Value.Max(metric => metric.Value.Groups.Count);

    private protected override ScoreWork WorkOf(int? piece) => ScoreWork.Forward(1, _unloaded.Value
        .Sum(metric => piece is { } group ? metric.Value.Group(group).Tokens : metric.Value.Tokens));

    private protected override IEnumerable<ScoreList> ListsOf(int piece) => Lists;

    private protected override IEnumerable<IEnumerable<(string Name, double[] Values)>> Run(
        ScoringContext context, IReadOnlyList<int> pieces)
    {
        if (pieces.Count == 0)
            yield break;
        using var loaded = _run.Model.Load(context.Engine);
        var metrics = Metrics(_run.Share, share => _run.Metric(loaded.Model, share));
        var tokens = pieces.Sum(piece => metrics.Sum(metric => metric.Value.Group(piece).Tokens));
        context.Progress.Scoring(Model.Label, Phase, tokens, $"one forward pass over {tokens} tokens");
        foreach (var piece in pieces)
            yield return [(Deciding, Each(Deciding, piece)), (Held, Each(Held, piece))];

        double[] Each(string name, int piece) =>
            metrics.TryGetValue(name, out var metric) ? metric.Group(piece).Each(loaded.Model, context) : [];
    }

    private protected override IEnumerable<(string Name, double[] Values)> PutTogether(
        IEnumerable<IReadOnlyDictionary<string, double[]>> pieces)
    {
        var lists = pieces.SelectMany(piece => piece).ToLookup(list => list.Key, list => list.Value, StringComparer.Ordinal);
        return new[] { Deciding, Held }.Select(name => (name, lists[name].SelectMany(values => values).ToArray()));
    }

    private static Dictionary<string, TaskMetric> Metrics(SampleShare share, Func<SampleShare, TaskMetric> read)
    {
        var metrics = new Dictionary<string, TaskMetric>(StringComparer.Ordinal) { [Deciding] = read(share) };
        if (share != SampleShare.All)
            metrics[Held] = read(SampleShare.Held);
        return metrics;
    }
}
