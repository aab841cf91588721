using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Transformers.Metrics;

/// <summary>Texts to ids, as one model takes them; the model need not be open.</summary>
/// <param name="description">The model.</param>
/// <param name="tokenizer">Its tokenizer.</param>
internal sealed class TextEncoder(ModelDescription description, Tokenizer tokenizer)
{
    /// <summary>The model.</summary>
    public ModelDescription Description => description;

    /// <summary>The token that begins every sequence: the tokenizer's, else the configuration's; null where there is none.</summary>
    public int? BeginOfSequence { get; } =
        tokenizer.Encode("", addSpecialTokens: true, applyLengthRules: false) is [var first, ..] ? first : description.BeginOfSequence;

    /// <summary>The ids of a text without special tokens.</summary>
    public int[] Encode(string text) => tokenizer.Encode(text, addSpecialTokens: false, applyLengthRules: false);

    /// <summary>
    /// The ids of a text with the tokenizer's special tokens, as classifiers see it; a text that is too long for the model loses its end.
    /// </summary>
    public int[] EncodeWhole(string text)
    {
        var most = description.MaximumPositions;
        var ids = tokenizer.Encode(text, addSpecialTokens: true, applyLengthRules: false);
        // The last special token stays: classifiers were trained with it.
        return ids.Length <= most ? ids : [.. ids.AsSpan(0, most - 1), ids[^1]];
    }

    /// <summary>
    /// The beginning-of-sequence token, prompt tokens and target tokens, tokenized apart, with every target token as a target of the
    /// position before it. A sample that is too long for the model loses the left of its prompt.
    /// </summary>
    /// <exception cref="ModelException">The target is empty, too long, or nothing precedes it.</exception>
    public ScoredSequence Prepare(TaskSample sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        var target = Encode(sample.Target);
        if (target.Length == 0)
            throw new ModelException(ModelError.BadInput, $"The target of the prompt '{Shortened(sample.Prompt)}' has no tokens.");
        return Prepare(Encode(sample.Prompt), target);
    }

    /// <inheritdoc cref="Prepare(TaskSample)"/>
    public ScoredSequence Prepare(ReadOnlySpan<int> prompt, ReadOnlySpan<int> target)
    {
        if (description.Task != ModelTask.CausalLanguageModel)
            throw new ModelException(ModelError.BadInput, "Only a decoder language model scores a target after a prompt.");
        var begin = BeginOfSequence is { } id ? new[] { id } : [];
        var room = description.MaximumPositions - begin.Length - target.Length;
        if (room < 0)
            throw new ModelException(
                ModelError.BadInput,
                $"A target of {target.Length} tokens exceeds the model's {description.MaximumPositions} positions.");
        var kept = prompt[Math.Max(0, prompt.Length - room)..];
        int[] ids = [.. begin, .. kept, .. target];
        var first = begin.Length + kept.Length;
        if (first == 0)
            throw new ModelException(
                ModelError.BadInput, "A sample without a prompt needs a beginning-of-sequence token, which the model lacks.");
        return new ScoredSequence(ids, first);
    }

    private static string Shortened(string text) => text.Length <= 40 ? text : text[..37] + "...";
}
