using MergeTasks.Caching;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;

namespace MergeTasks.Merging.Measuring;

/// <summary>A metric over a task's samples: the mean over samples of the mean log-probability of their targets.</summary>
/// <param name="Groups">
/// Groups of samples, each in batches that run together, in an order that depends on the samples alone; the targets' weights sum to one
/// over all of them.
/// </param>
internal sealed record TaskMetric(IReadOnlyList<IReadOnlyList<(TokenBatch Batch, IReadOnlyList<Target> Targets)>> Groups)
{
    /// <summary>Fewest samples of a task of which half is kept from deciding.</summary>
    public const int FewestToHalve = 8;

    /// <summary>The batches of all groups.</summary>
    public IEnumerable<(TokenBatch Batch, IReadOnlyList<Target> Targets)> Batches => Groups.SelectMany(batches => batches);

    /// <summary>Tokens of all samples.</summary>
    public long Tokens => Batches.Sum(batch => (long)batch.Batch.Rows);

    /// <summary>Number of samples; of a group of them, still of all.</summary>
    public int Samples { get; } = Groups.Sum(batches => batches.Sum(batch => batch.Batch.Sequences.Count));

    /// <summary>What a group of samples adds to the metric; nothing where there are fewer groups.</summary>
    public TaskMetric Group(int group) => this with { Groups = group < Groups.Count ? [Groups[group]] : [] };

    /// <summary>Reads a task's samples: prompts and targets for a decoder, texts and labels for a classifier.</summary>
    /// <param name="path">The file.</param>
    /// <param name="encoder">Makes ids of texts as the model takes them.</param>
    /// <param name="tokensPerRun">Tokens of a batch.</param>
    /// <param name="share">Which of them. Which half a sample belongs to depends on the samples alone and not on their order; of fewer than
    /// <see cref="FewestToHalve"/>, all decide and none is held.</param>
    /// <exception cref="ModelException">The file is malformed or empty, or a sample does not fit the model.</exception>
    public static TaskMetric Read(string path, TextEncoder encoder, int tokensPerRun, SampleShare share)
    {
        var samples = encoder.Description.Task == ModelTask.SequenceClassification
            ? JsonLines.ReadLabels(path, encoder.Description.Labels)
                .Select(sample =>
                    (Ids: (IReadOnlyList<int>)encoder.EncodeWhole(sample.Text), Targets: new[] { new Target(0, 0, sample.Label) }))
                .ToList()
            : JsonLines.ReadTasks(path)
                .Select(encoder.Prepare)
                .Select(sample => (sample.Ids, Targets: sample.Targets(0).ToArray()))
                .ToList();
        if (samples.Count == 0)
            throw new ModelException(ModelError.BadInput, $"'{path}' holds no samples.", path);
        var ordered = samples.OrderBy(sample => OrderOf(sample.Ids, sample.Targets), StringComparer.Ordinal).ToList();
        if (share != SampleShare.All && samples.Count >= FewestToHalve)
            ordered = [.. ordered.Where((_, i) => i % 2 == (share == SampleShare.Scoring ? 0 : 1))];
        else if (share == SampleShare.Held)
            ordered = [];
        return Of(ordered, tokensPerRun);
    }

    private static string OrderOf(IReadOnlyList<int> ids, Target[] targets) =>
        ContentDigest.Of($"{string.Join(' ', ids)} {string.Join(' ', targets.Select(target => $"{target.Position}:{target.Outcome}"))}")
            .ToString();

    /// <summary>A metric over token ids and targets, in batches of so many tokens.</summary>
    public static TaskMetric Of(IReadOnlyList<(IReadOnlyList<int> Ids, Target[] Targets)> samples, int tokensPerRun) =>
        new([.. SampleGroups.Of([.. samples.Select(sample => sample.Ids.Count)]).Select(group => Batched(samples, group, tokensPerRun))]);

    private static List<(TokenBatch, IReadOnlyList<Target>)> Batched(
        IReadOnlyList<(IReadOnlyList<int> Ids, Target[] Targets)> samples, Range range, int tokensPerRun)
    {
        var batches = new List<(TokenBatch, IReadOnlyList<Target>)>();
        for (var first = range.Start.Value; first < range.End.Value;)
        {
            var end = first + 1;
            for (var tokens = samples[first].Ids.Count; end < range.End.Value && tokens + samples[end].Ids.Count <= tokensPerRun; end++)
                tokens += samples[end].Ids.Count;
            var together = samples.Skip(first).Take(end - first).ToList();
            batches.Add((
                new TokenBatch([.. together.Select(sample => new TokenSequence(sample.Ids))]),
                [
                    .. together.SelectMany((sample, i) =>
                        sample.Targets.Select(target => target with { Sequence = i, Weight = 1.0 / samples.Count / sample.Targets.Length }))
                ]));
            first = end;
        }

        return batches;
    }

    /// <summary>The metric's value.</summary>
    public double Measure(ITransformerModel model, ScoringContext context) => Each(model, context).Sum() / Samples;

    /// <summary>Of each sample, the mean log-probability of its targets.</summary>
    public double[] Each(ITransformerModel model, ScoringContext context)
    {
        var values = new List<double>();
        foreach (var (batch, targets) in Batches)
        {
            var scores = model.Score(batch, targets, context.Cancellation);
            var own = new double[batch.Sequences.Count];
            for (var i = 0; i < targets.Count; i++)
                own[targets[i].Sequence] += targets[i].Weight * Samples * scores[i].LogProbability;
            values.AddRange(own);
            context.Progress.Scored(batch.Rows);
        }

        return [.. values];
    }

    /// <summary>Hands out the metric's gradient, batch by batch: the gradient is the sum of what comes.</summary>
    /// <param name="model">The model.</param>
    /// <param name="receiver">Gets it.</param>
    /// <param name="context">Ends the work.</param>
    /// <param name="ended">Hears of each batch's end, with its share of the samples.</param>
    public void Backward(
        ITransformerModel model, IGradientReceiver receiver, ScoringContext context, Action<double>? ended = null)
    {
        foreach (var (batch, targets) in Batches)
        {
            model.Backward(batch, targets, receiver, context.Cancellation);
            ended?.Invoke((double)batch.Sequences.Count / Samples);
            context.Progress.Scored(batch.Rows);
        }
    }
}
