using MergeTasks.Language.Importance;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;

namespace MergeTasks.Merging.Measuring;

/// <summary>Which of a task's samples.</summary>
internal enum SampleShare
{
    /// <summary>All of them.</summary>
    All,

    /// <summary>The half that decides.</summary>
    Scoring,

    /// <summary>The half that is kept to check what was decided.</summary>
    Held,
}

/// <summary>A model and the samples that it is measured on.</summary>
/// <param name="Model">The model.</param>
/// <param name="Tokenizer">The tokenizer.</param>
/// <param name="Data">The samples.</param>
internal sealed record TaskRun(RunnableModel Model, TokenizerFile Tokenizer, DataFile Data)
{
    /// <summary>Which samples decide.</summary>
    public SampleShare Share { get; init; }

    /// <summary>Reads the samples that decide as this loaded model sees them.</summary>
    public TaskMetric Metric(ITransformerModel model) => Metric(model, Share);

    /// <summary>Reads some of the samples.</summary>
    public TaskMetric Metric(ITransformerModel model, SampleShare share) =>
        TaskMetric.Read(Data.Path, new TextEncoder(model.Description, Tokenizer.Load()), model.TokensPerRun, share);

    /// <summary>Tokens of some of the samples.</summary>
    public long Tokens(SampleShare share) => Unloaded(share).Tokens;

    /// <summary>Reads some of the samples, for which the model need not be loaded; in batches that no engine chose.</summary>
    public TaskMetric Unloaded(SampleShare share) =>
        TaskMetric.Read(Data.Path, new TextEncoder(Model.Description, Tokenizer.Load()), int.MaxValue, share);
}
