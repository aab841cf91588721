using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// Exact interventions at one level: for each part, how the metric changes when that part alone is put into the base, or its change taken
/// out of the fine-tuned model; signed so that a part that helps the task has a positive number. One forward pass over the samples per
/// part.
/// </summary>
internal sealed record InterventionRequest : DividedRequest
{
    private const string Effects = "effects";

    private readonly PartitionLevel _level;
    private readonly InterventionMode _mode;
    private readonly TaskRun _base;
    private readonly TaskRun _tuned;
    private readonly DeltaPartition _partition;
    private readonly Lazy<List<InterventionPart>> _parts;

    internal InterventionRequest(
        ScoreKey key,
        ModelDeclaration declaration,
        PartitionLevel level,
        InterventionMode mode,
        TaskRun baseModel,
        TaskRun tuned,
        DeltaPartition partition)
        : base(key, declaration, tuned.Data) =>
        (_level, _mode, _base, _tuned, _partition, _parts) =
            (level, mode, baseModel, tuned, partition, new(() => [.. Interventions.PartsOf(partition, level)]));

    /// <inheritdoc/>
    public override string Phase =>
        $"exact importance of each {(_level == PartitionLevel.Hidden ? "row" : _level.ToString().ToLowerInvariant())}";

    internal override IEnumerable<ScoreList> Lists =>
        _parts.Value.GroupBy(part => part.List, StringComparer.Ordinal).Select(list => new ScoreList(list.Key, list.Count()));

    // One pass in front of each piece measures the model as it is: pieces are long enough for that not to show.
    private protected override int Count()
    {
        const int fewest = 8, most = 64;
        return Math.Clamp(_parts.Value.Count / fewest, 1, most);
    }

    private protected override ScoreWork WorkOf(int? piece) =>
        ScoreWork.Forward((piece is { } index ? PartsOf(index).Count : _parts.Value.Count) + 1, _tuned.Tokens(_tuned.Share));

    private protected override IEnumerable<ScoreList> ListsOf(int piece) => [new(Effects, PartsOf(piece).Count)];

    private protected override IEnumerable<IEnumerable<(string Name, double[] Values)>> Run(
        ScoringContext context, IReadOnlyList<int> pieces)
    {
        if (pieces.Count == 0)
            yield break;
        using var baseModel = _base.Model.Load(context.Engine);
        using var tuned = _tuned.Model.Load(context.Engine);
        var (metric, parts) = (_tuned.Metric(tuned.Model), pieces.Sum(piece => PartsOf(piece).Count));
        context.Progress.Scoring(Model.Label, Phase, (parts + 1L) * metric.Tokens, $"{parts + 1} forward passes × {metric.Tokens} tokens");
        var interventions = new Interventions(baseModel.Model, tuned.Model, _mode, model => metric.Measure(model, context));
        foreach (var piece in pieces)
            yield return [(Effects, [.. PartsOf(piece).Select(part => interventions.EffectOf(_partition, part))])];
    }

    private protected override IEnumerable<(string Name, double[] Values)> PutTogether(
        IEnumerable<IReadOnlyDictionary<string, double[]>> pieces)
    {
        var lists = _parts.Value.Zip(pieces.SelectMany(piece => piece[Effects]))
            .GroupBy(pair => pair.First.List, StringComparer.Ordinal)
            .Select(list => (list.Key, list.OrderBy(pair => pair.First.Place).Select(pair => pair.Second).ToArray()))
            .ToList();
        return lists.Count == 0 && _level != PartitionLevel.Hidden ? [(Interventions.Parts, [])] : lists;
    }

    private List<InterventionPart> PartsOf(int piece)
    {
        var (parts, count) = (_parts.Value, Count());
        return parts[(int)((long)parts.Count * piece / count)..(int)((long)parts.Count * (piece + 1) / count)];
    }
}
