using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;

namespace MergeTasks.Merging.Measuring;

/// <summary>A metric over a task's samples: the mean over samples of the mean log-probability of their targets.</summary>
/// <param name="Batches">Samples that run together; the targets' weights sum to one over all batches.</param>
internal sealed record TaskMetric(IReadOnlyList<(TokenBatch Batch, IReadOnlyList<Target> Targets)> Batches)
{
    /// <summary>Tokens of all samples.</summary>
    public long Tokens { get; } = Batches.Sum(batch => (long)batch.Batch.Rows);

    /// <summary>Reads a task's samples: prompts and targets for a decoder, texts and labels for a classifier.</summary>
    /// <exception cref="ModelException">The file is malformed or empty, or a sample does not fit the model.</exception>
    public static TaskMetric Read(string path, TextModel model)
    {
        var samples = model.Model.Description.Task == ModelTask.SequenceClassification
            ? JsonLines.ReadLabels(path, model.Model.Description.Labels).Select(sample => (Ids: (IReadOnlyList<int>)model.EncodeWhole(sample.Text), Targets: new[] { new Target(0, 0, sample.Label) })).ToList()
            : JsonLines.ReadTasks(path).Select(model.Prepare).Select(sample => (sample.Ids, Targets: sample.Targets(0).ToArray())).ToList();
        return samples.Count > 0 ? Of(samples, model.Model.TokensPerRun) : throw new ModelException(ModelError.BadInput, $"'{path}' holds no samples.", path);
    }

    /// <summary>A metric over token ids and targets, in batches of so many tokens.</summary>
    public static TaskMetric Of(IReadOnlyList<(IReadOnlyList<int> Ids, Target[] Targets)> samples, int tokensPerRun)
    {
        var batches = new List<(TokenBatch, IReadOnlyList<Target>)>();
        for (var first = 0; first < samples.Count;)
        {
            var end = first + 1;
            for (var tokens = samples[first].Ids.Count; end < samples.Count && tokens + samples[end].Ids.Count <= tokensPerRun; end++)
                tokens += samples[end].Ids.Count;
            var group = samples.Skip(first).Take(end - first).ToList();
            batches.Add((
                new TokenBatch([.. group.Select(sample => new TokenSequence(sample.Ids))]),
                [.. group.SelectMany((sample, i) => sample.Targets.Select(target => target with { Sequence = i, Weight = 1.0 / samples.Count / sample.Targets.Length }))]));
            first = end;
        }

        return new TaskMetric(batches);
    }

    /// <summary>The metric's value.</summary>
    public double Measure(ITransformerModel model, ScoringContext context)
    {
        var sum = 0.0;
        foreach (var (batch, targets) in Batches)
        {
            var scores = model.Score(batch, targets, context.Cancellation);
            for (var i = 0; i < targets.Count; i++)
                sum += targets[i].Weight * scores[i].LogProbability;
            context.Progress.Scored(batch.Rows);
        }

        return sum;
    }

    /// <summary>Hands out the metric's gradient, batch by batch: the gradient is the sum of what comes.</summary>
    public void Backward(ITransformerModel model, IGradientReceiver receiver, ScoringContext context)
    {
        foreach (var (batch, targets) in Batches)
        {
            model.Backward(batch, targets, receiver, context.Cancellation);
            context.Progress.Scored(batch.Rows);
        }
    }
}
