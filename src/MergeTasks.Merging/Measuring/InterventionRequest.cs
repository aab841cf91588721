using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// Exact interventions at one level: for each part, how the metric changes when that part alone is put into the base, or its change taken
/// out of the fine-tuned model; signed so that a part that helps the task has a positive number. One forward pass over the samples per
/// part.
/// </summary>
internal sealed record InterventionRequest : ScoreRequest
{
    private readonly PartitionLevel _level;
    private readonly InterventionMode _mode;
    private readonly TaskRun _base;
    private readonly TaskRun _tuned;
    private readonly DeltaPartition _partition;

    internal InterventionRequest(
        ScoreKey key,
        ModelDeclaration declaration,
        PartitionLevel level,
        InterventionMode mode,
        TaskRun baseModel,
        TaskRun tuned,
        DeltaPartition partition)
        : base(key, declaration, tuned.Data) =>
        (_level, _mode, _base, _tuned, _partition) = (level, mode, baseModel, tuned, partition);

    /// <inheritdoc/>
    public override string Phase =>
        $"exact importance of each {(_level == PartitionLevel.Hidden ? "row" : _level.ToString().ToLowerInvariant())}";

    internal override ScoreWork Work() => ScoreWork.Forward(Parts().Count + 1, _tuned.Tokens(_tuned.Share));

    internal override IEnumerable<ScoreList> Lists =>
        Parts().GroupBy(part => part.List, StringComparer.Ordinal).Select(list => new ScoreList(list.Key, list.Count()));

    internal override IReadOnlyList<ScoreRequest> Pieces => PieceCount(Parts().Count) is var count and > 1
        ? [.. Enumerable.Range(0, count).Select(index => new Piece(this, index, count))]
        : [this];

    internal override void Compute(ScoringContext context, string path)
    {
        var parts = Parts();
        var effects = new double?[parts.Count];
        foreach (var piece in Pieces.OfType<Piece>())
            piece.Take(context, effects);
        Fill(context, parts, effects);
        var lists = parts.Zip(effects).GroupBy(pair => pair.First.List, StringComparer.Ordinal).Select(list =>
            (list.Key, list.OrderBy(pair => pair.First.Place).Select(pair => pair.Second!.Value).ToArray())).ToList();
        ScoreFile.Write(path, Key, lists.Count == 0 && _level != PartitionLevel.Hidden ? [(Interventions.Parts, [])] : lists);
    }

    // One pass in front of each piece measures the model as it is: pieces are long enough for that not to show.
    private static int PieceCount(int parts)
    {
        const int fewest = 8, most = 64;
        return Math.Clamp(parts / fewest, 1, most);
    }

    private List<InterventionPart> Parts() => [.. Interventions.PartsOf(_partition, _level)];

    private void Fill(ScoringContext context, List<InterventionPart> parts, Span<double?> effects)
    {
        var missing = 0;
        foreach (var effect in effects)
            missing += effect is null ? 1 : 0;
        if (missing == 0)
            return;
        using var baseModel = _base.Model.Load(context.Engine);
        using var tuned = _tuned.Model.Load(context.Engine);
        var metric = _tuned.Metric(tuned.Model);
        context.Progress.Scoring(
            Model.Label, Phase, (missing + 1L) * metric.Tokens, $"{missing + 1} forward passes × {metric.Tokens} tokens");
        var interventions = new Interventions(baseModel.Model, tuned.Model, _mode, model => metric.Measure(model, context));
        for (var part = 0; part < parts.Count; part++)
            effects[part] ??= interventions.EffectOf(_partition, parts[part]);
    }

    /// <summary>The effects of some parts, those next to each other.</summary>
    private sealed record Piece : ScoreRequest
    {
        private const string Effects = "effects";

        private readonly InterventionRequest _whole;
        private readonly int _index;
        private readonly int _count;

        public Piece(InterventionRequest whole, int index, int count)
            : base(
                new ScoreKey($"{whole.Key.Kind}, piece", [
                    .. whole.Key.Ingredients,
                    new("piece", string.Create(CultureInfo.InvariantCulture, $"{index + 1} of {count}")),
                ]),
                whole.Model,
                whole.Data) => (_whole, _index, _count) = (whole, index, count);

        public override string Phase => string.Create(CultureInfo.InvariantCulture, $"{_whole.Phase}, piece {_index + 1} of {_count}");

        internal override ScoreWork Work()
        {
            var (start, end) = Range(_whole.Parts().Count);
            return ScoreWork.Forward(end - start + 1, _whole._tuned.Tokens(_whole._tuned.Share));
        }

        internal override IEnumerable<ScoreList> Lists
        {
            get
            {
                var (start, end) = Range(_whole.Parts().Count);
                return [new(Effects, end - start)];
            }
        }

        internal override void Compute(ScoringContext context, string path)
        {
            var parts = _whole.Parts();
            var (start, end) = Range(parts.Count);
            var effects = new double?[end - start];
            _whole.Fill(context, parts[start..end], effects);
            ScoreFile.Write(path, Key, [(Effects, [.. effects.Select(effect => effect!.Value)])]);
        }

        /// <summary>Takes what is there of it.</summary>
        public void Take(ScoringContext context, double?[] effects)
        {
            var (start, end) = Range(effects.Length);
            if (context.Store.Find(Key.Digest, path => ScoreFile.IsOf(path, this), context.Cancellation) is not { } path)
                return;
            var own = ScoreFile.Read(path)[Effects];
            for (var part = start; part < end; part++)
                effects[part] = own[part - start];
        }

        private (int Start, int End) Range(int parts) =>
            ((int)((long)parts * _index / _count), (int)((long)parts * (_index + 1) / _count));
    }
}
