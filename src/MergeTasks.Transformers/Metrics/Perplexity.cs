using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Metrics;

/// <summary>How well a decoder predicts texts.</summary>
/// <param name="MeanNegativeLogLikelihood">Sum of −ln p over all tokens of all texts, divided by their number.</param>
/// <param name="Tokens">Number of predicted tokens.</param>
internal sealed record Perplexity(double MeanNegativeLogLikelihood, long Tokens)
{
    /// <summary>The standard error of <see cref="MeanNegativeLogLikelihood"/>, texts being the samples; NaN for one text.</summary>
    public double StandardError { get; init; } = double.NaN;

    /// <summary>e to the mean negative log-likelihood.</summary>
    public double Value => Math.Exp(MeanNegativeLogLikelihood);

    /// <summary>Measures texts, each a beginning-of-sequence token followed by the text's first tokens.</summary>
    /// <param name="model">A decoder.</param>
    /// <param name="texts">The texts; empty ones are skipped.</param>
    /// <param name="tokensPerText">Most tokens of a text; the model's positions limit them too. Default: 512.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ModelException">No text has a token to predict, or the model is no decoder.</exception>
    public static Perplexity Measure(
        TextModel model, IEnumerable<string> texts, int tokensPerText = 512, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentOutOfRangeException.ThrowIfLessThan(tokensPerText, 1);
        var most = Math.Min(tokensPerText, model.Model.Description.MaximumPositions - 1);
        var sequences = new List<ScoredSequence>();
        foreach (var ids in texts.Select(model.Encode))
        {
            // Without a beginning token, the first token of a text only serves to predict the second.
            var skipped = model.BeginOfSequence is null ? 1 : 0;
            if (ids.Length > skipped)
                sequences.Add(model.Prepare(ids.AsSpan(0, skipped), ids.AsSpan(skipped, Math.Min(most, ids.Length - skipped))));
        }

        if (sequences.Count == 0)
            throw new ModelException(ModelError.BadInput, "Perplexity needs at least one text with a token to predict.");
        var scored = model.Score(sequences, cancellation).Select(scores => scores.Select(score => score.LogProbability).ToList()).ToList();
        var all = scored.SelectMany(text => text).ToList();
        return new Perplexity(-all.Average(), all.Count) { StandardError = SampleError.OfMean(scored) };
    }
}
