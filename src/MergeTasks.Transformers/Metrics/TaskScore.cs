using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Metrics;

/// <summary>How well a decoder continues prompts.</summary>
/// <param name="MeanLogProbability">Mean over samples of the mean ln p of the target tokens.</param>
/// <param name="ExactMatch">Share of samples of which every target token is the most probable one, given those before it.</param>
/// <param name="Samples">Number of samples.</param>
internal sealed record TaskScore(double MeanLogProbability, double ExactMatch, int Samples)
{
    /// <summary>The standard error of <see cref="MeanLogProbability"/>; NaN for one sample.</summary>
    public double StandardError { get; init; } = double.NaN;

    /// <summary>Measures samples.</summary>
    /// <exception cref="ModelException">There is no sample, or one does not fit the model.</exception>
    public static TaskScore Measure(TextModel model, IReadOnlyList<TaskSample> samples, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.Count == 0)
            throw new ModelException(ModelError.BadInput, "A task needs at least one sample.");
        var prepared = samples.Select(model.Prepare).ToList();
        var (logProbability, matches, means) = (0.0, 0, new List<double>());
        foreach (var (sequence, scores) in prepared.Zip(model.Score(prepared, cancellation)))
        {
            means.Add(scores.Average(score => score.LogProbability));
            logProbability += means[^1];
            if (scores.Select((score, i) => score.Best == sequence.Ids[sequence.FirstTarget + i]).All(match => match))
                matches++;
        }

        return new TaskScore(logProbability / samples.Count, (double)matches / samples.Count, samples.Count)
        {
            StandardError = SampleError.OfMean(means),
        };
    }
}
