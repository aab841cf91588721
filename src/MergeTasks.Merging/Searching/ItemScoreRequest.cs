using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Measuring;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;

namespace MergeTasks.Merging.Searching;

/// <summary>How a model, or a merge that is made in memory, does on some items of each file: their mean ln p, one by one.</summary>
internal sealed record ItemScoreRequest : ScoreRequest
{
    private readonly string _phase;
    private readonly Func<(ITransformerModel Model, TextEncoder Encoder)> _open;
    private readonly IReadOnlyList<IReadOnlyList<SearchItem>> _items;

    /// <summary>A request.</summary>
    /// <param name="key">What the scores depend on.</param>
    /// <param name="model">The model.</param>
    /// <param name="data">The first of the files.</param>
    /// <param name="phase">What is computed, for people.</param>
    /// <param name="open">The model, asked for only where the store lacks the scores.</param>
    /// <param name="items">The items of each file.</param>
    public ItemScoreRequest(
        ScoreKey key,
        ModelDeclaration model,
        DataFile data,
        string phase,
        Func<(ITransformerModel Model, TextEncoder Encoder)> open,
        IReadOnlyList<IReadOnlyList<SearchItem>> items)
        : base(key, model, data) => (_phase, _open, _items) = (phase, open, items);

    public override string Phase => _phase;

    /// <summary>The scores of each file's items.</summary>
    public IReadOnlyList<double[]> Result(ScoringContext context)
    {
        var lists = ScoreFile.Read(context.PathOf(this));
        return [.. _items.Select((_, file) => lists[NameOf(file)])];
    }

    internal override IEnumerable<ScoreList> Lists => _items.Select((_, file) => new ScoreList(NameOf(file)));

    internal override void Compute(ScoringContext context, string path)
    {
        var (model, encoder) = _open();
        var metrics = _items.Select(items => TaskMetric.Of([.. items.Select(item => item.Prepare(encoder))], model.TokensPerRun)).ToList();
        var tokens = metrics.Sum(metric => metric.Tokens);
        context.Progress.Scoring(Model.Label, Phase, tokens, $"one forward pass over {tokens} tokens");
        ScoreFile.Write(path, Key, metrics.Select((metric, file) => (NameOf(file), metric.Each(model, context))));
    }

    private static string NameOf(int file) => $"file.{file}";
}
