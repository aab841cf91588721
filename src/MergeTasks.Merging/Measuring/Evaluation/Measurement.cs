using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Metrics;

namespace MergeTasks.Merging.Measuring.Evaluation;

/// <summary>What a file of texts or samples measures.</summary>
internal enum Measure
{
    /// <summary>Texts: perplexity, smaller is better.</summary>
    Perplexity,

    /// <summary>Prompts and targets: log-probability and the share answered exactly.</summary>
    ExactMatch,

    /// <summary>Prompts with choices, or texts with labels: log-probability and the share of right answers.</summary>
    Accuracy,
}

/// <summary>What one model scores on one file.</summary>
/// <param name="Measure">What is measured.</param>
/// <param name="Value">Perplexity, or a share of samples.</param>
/// <param name="LogProbability">Mean ln p of a token of the texts, or of the right answers.</param>
/// <param name="Count">Tokens of the texts, or samples.</param>
internal sealed record Measurement(Measure Measure, double Value, double LogProbability, long Count)
{
    /// <summary>The standard error of <see cref="LogProbability"/>: of samples, or of texts. NaN where there is one.</summary>
    public double StandardError { get; init; } = double.NaN;

    /// <summary>
    /// How much worse this is than another: a share of the perplexity, or of the samples; negative if better, NaN where both perplexities
    /// are infinite.
    /// </summary>
    public double WorseThan(Measurement other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Measure == Measure.Perplexity ? (Value / other.Value) - 1 : other.Value - Value;
    }

    /// <summary>Measures a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file; its first line's keys say what it holds.</param>
    /// <param name="tokensPerText">Most tokens of a text.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ModelException">The file is malformed, or does not fit the model.</exception>
    internal static Measurement Of(TextModel model, string path, int tokensPerText, CancellationToken cancellation)
    {
        var keys = Keys(path);
        if (keys.Contains("choices"))
            return Of(Accuracy.OfChoices(model, JsonLines.ReadChoices(path), cancellation));
        if (keys.Contains("label"))
            return Of(Accuracy.OfLabels(model, JsonLines.ReadLabels(path, model.Model.Description.Labels), cancellation));
        if (keys.Contains("prompt"))
        {
            var score = TaskScore.Measure(model, JsonLines.ReadTasks(path), cancellation);
            return new Measurement(Measure.ExactMatch, score.ExactMatch, score.MeanLogProbability, score.Samples)
            {
                StandardError = score.StandardError,
            };
        }

        var perplexity = Perplexity.Measure(model, JsonLines.ReadTexts(path), tokensPerText, cancellation);
        return new Measurement(Measure.Perplexity, perplexity.Value, -perplexity.MeanNegativeLogLikelihood, perplexity.Tokens)
        {
            StandardError = perplexity.StandardError,
        };
    }

    private static Measurement Of(Accuracy accuracy) =>
        new(Measure.Accuracy, accuracy.Share, accuracy.MeanLogProbability, accuracy.Samples) { StandardError = accuracy.StandardError };

    /// <summary>The keys of a file's first line, which say what the file holds.</summary>
    /// <exception cref="ModelException">The file is malformed.</exception>
    internal static HashSet<string> Keys(string path)
    {
        try
        {
            return [
                .. JsonLineFile.Read(path)
                    .Take(1)
                    .Where(line => line.Json.ValueKind == JsonValueKind.Object)
                    .SelectMany(line => line.Json.EnumerateObject().Select(property => property.Name).ToList())
            ];
        }
        catch (FileFault e)
        {
            throw new ModelException(ModelError.BadInput, e.Message, path, e);
        }
    }
}
