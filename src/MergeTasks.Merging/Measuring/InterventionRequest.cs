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

    private long Passes => _level switch
    {
        PartitionLevel.Model => 2,
        PartitionLevel.Layer => _partition.Layers.Count + 1,
        PartitionLevel.Tensor => _partition.Tensors.Count + 1,
        _ => _partition.Layers.Sum(layer => layer.Rows.Sum(group => group.Count)) + 1,
    };

    internal override ScoreWork Work() => ScoreWork.Forward(Passes, _tuned.Tokens(_tuned.Share));

    internal override void Compute(ScoringContext context, string path)
    {
        using var baseModel = _base.Model.Load(context.Engine);
        using var tuned = _tuned.Model.Load(context.Engine);
        var metric = _tuned.Metric(tuned.Model);
        context.Progress.Scoring(Model.Label, Phase, Passes * metric.Tokens, $"{Passes} forward passes × {metric.Tokens} tokens");
        var interventions = new Interventions(baseModel.Model, tuned.Model, _mode, model => metric.Measure(model, context));
        ScoreFile.Write(path, Key, interventions.Run(_partition, _level));
    }
}
