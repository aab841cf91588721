using MergeTasks.Language.Importance;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Measuring;

/// <summary>A model and the samples that it is measured on.</summary>
/// <param name="Model">The model.</param>
/// <param name="Tokenizer">Path of the tokenizer.</param>
/// <param name="Data">The samples.</param>
internal sealed record TaskRun(RunnableModel Model, string Tokenizer, DataFile Data)
{
    /// <summary>Reads the samples as this loaded model sees them.</summary>
    public TaskMetric Metric(ITransformerModel model) => TaskMetric.Read(Data.Path, new TextModel(model, Transformers.Tokenization.Tokenizer.Load(Tokenizer)));
}
