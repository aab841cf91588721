using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Transformers.Metrics;

/// <summary>A model with its tokenizer: texts in, batches and targets out.</summary>
internal sealed class TextModel
{
    /// <summary>Pairs a model with a tokenizer.</summary>
    public TextModel(ITransformerModel model, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        Model = model;
        Tokenizer = tokenizer;
        var special = tokenizer.Encode("", addSpecialTokens: true, applyLengthRules: false);
        BeginOfSequence = special.Length > 0 ? special[0] : model.Description.BeginOfSequence;
    }

    /// <summary>The model.</summary>
    public ITransformerModel Model { get; }

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Called after each batch of a measurement with the tokens that have run and those of all its batches.</summary>
    public Action<long, long>? Scored { get; init; }

    /// <summary>The token that begins every sequence: the tokenizer's, else the configuration's; null where there is none.</summary>
    public int? BeginOfSequence { get; }

    /// <summary>The ids of a text without special tokens.</summary>
    public int[] Encode(string text) => Tokenizer.Encode(text, addSpecialTokens: false, applyLengthRules: false);

    /// <summary>
    /// The ids of a text with the tokenizer's special tokens, as classifiers see it; a text that is too long for the model loses its end.
    /// </summary>
    public int[] EncodeWhole(string text)
    {
        var most = Model.Description.MaximumPositions;
        var ids = Tokenizer.Encode(text, addSpecialTokens: true, applyLengthRules: false);
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
        if (Model.Description.Task != ModelTask.CausalLanguageModel)
            throw new ModelException(ModelError.BadInput, "Only a decoder language model scores a target after a prompt.");
        var begin = BeginOfSequence is { } id ? new[] { id } : [];
        var room = Model.Description.MaximumPositions - begin.Length - target.Length;
        if (room < 0)
            throw new ModelException(
                ModelError.BadInput,
                $"A target of {target.Length} tokens exceeds the model's {Model.Description.MaximumPositions} positions.");
        var kept = prompt[Math.Max(0, prompt.Length - room)..];
        int[] ids = [.. begin, .. kept, .. target];
        var first = begin.Length + kept.Length;
        if (first == 0)
            throw new ModelException(
                ModelError.BadInput, "A sample without a prompt needs a beginning-of-sequence token, which the model lacks.");
        return new ScoredSequence(ids, first);
    }

    /// <summary>Scores many sequences, several at a time.</summary>
    /// <returns>The scores of each sequence's targets, in order.</returns>
    public IEnumerable<IReadOnlyList<TargetScore>> Score(IReadOnlyList<ScoredSequence> sequences, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        var (done, all) = (0L, sequences.Sum(sequence => (long)sequence.Ids.Count));
        for (var first = 0; first < sequences.Count;)
        {
            var end = first + 1;
            for (var rows = sequences[first].Ids.Count; end < sequences.Count
                && rows + sequences[end].Ids.Count <= Model.TokensPerRun; end++)
                rows += sequences[end].Ids.Count;
            var group = sequences.Skip(first).Take(end - first).ToArray();
            var scores = Model.Score(
                new TokenBatch([.. group.Select(sequence => new TokenSequence(sequence.Ids))]),
                [.. group.SelectMany((sequence, i) => sequence.Targets(i))],
                cancellation);
            done += group.Sum(sequence => (long)sequence.Ids.Count);
            Scored?.Invoke(done, all);
            var at = 0;
            foreach (var sequence in group)
            {
                yield return [.. scores.Skip(at).Take(sequence.TargetCount)];
                at += sequence.TargetCount;
            }

            first = end;
        }
    }

    private static string Shortened(string text) => text.Length <= 40 ? text : text[..37] + "...";
}
