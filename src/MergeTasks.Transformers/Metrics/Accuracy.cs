using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Metrics;

/// <summary>The share of right answers.</summary>
/// <param name="Share">Right answers / samples.</param>
/// <param name="MeanLogProbability">Mean ln p of the right answer: of the label, or of the right choice's tokens on average.</param>
/// <param name="Samples">Number of samples.</param>
internal sealed record Accuracy(double Share, double MeanLogProbability, int Samples)
{
    /// <summary>The standard error of <see cref="MeanLogProbability"/>; NaN for one sample.</summary>
    public double StandardError { get; init; } = double.NaN;

    /// <summary>
    /// Multiple choice by a decoder: the answer is the choice whose tokens have the highest mean ln p after the prompt; the first among
    /// equals.
    /// </summary>
    /// <exception cref="ModelException">There is no sample, or one does not fit the model.</exception>
    public static Accuracy OfChoices(TextModel model, IReadOnlyList<ChoiceSample> samples, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        RequireSamples(samples.Count);
        var sequences = samples.SelectMany(sample => sample.Choices.Select(choice => model.Prepare(new TaskSample(sample.Prompt, choice))))
            .ToList();
        var means = model.Score(sequences, cancellation).Select(scores => scores.Average(score => score.LogProbability)).ToList();
        var (right, at, answers) = (0, 0, new List<double>());
        foreach (var sample in samples)
        {
            var own = means.GetRange(at, sample.Choices.Count);
            at += own.Count;
            answers.Add(own[sample.Answer]);
            if (own.IndexOf(own.Max()) == sample.Answer)
                right++;
        }

        return Of(right, answers);
    }

    /// <summary>
    /// Labels by a classifier, which sees each text with the tokenizer's special tokens; a text that is too long loses its end.
    /// </summary>
    /// <exception cref="ModelException">There is no sample, the model is no classifier, or a sample does not fit it.</exception>
    public static Accuracy OfLabels(TextModel model, IReadOnlyList<LabelSample> samples, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        RequireSamples(samples.Count);
        if (model.Model.Description.Task != ModelTask.SequenceClassification)
            throw new ModelException(ModelError.BadInput, "Label accuracy needs a sequence classifier.");
        var texts = samples.Select(sample => model.EncodeWhole(sample.Text)).ToList();
        var (right, answers) = (0, new List<double>());
        var (done, all) = (0L, texts.Sum(text => (long)text.Length));
        foreach (var (sample, text) in samples.Zip(texts))
        {
            var score = model.Model.Score(new TokenBatch(new TokenSequence(text)), [new Target(0, 0, sample.Label)], cancellation)[0];
            answers.Add(score.LogProbability);
            if (score.Best == sample.Label)
                right++;
            done += text.Length;
            model.Scored?.Invoke(done, all);
        }

        return Of(right, answers);
    }

    private static Accuracy Of(int right, List<double> answers) =>
        new((double)right / answers.Count, answers.Sum() / answers.Count, answers.Count) { StandardError = SampleError.OfMean(answers) };

    private static void RequireSamples(int count)
    {
        if (count == 0)
            throw new ModelException(ModelError.BadInput, "Accuracy needs at least one sample.");
    }
}
