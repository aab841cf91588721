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
        Encoder = new TextEncoder(model.Description, tokenizer);
    }

    /// <summary>The model.</summary>
    public ITransformerModel Model { get; }

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Called after each batch of a measurement with the tokens that have run and those of all its batches.</summary>
    public Action<long, long>? Scored { get; init; }

    /// <summary>Makes ids of texts.</summary>
    public TextEncoder Encoder { get; }

    /// <inheritdoc cref="TextEncoder.BeginOfSequence"/>
    public int? BeginOfSequence => Encoder.BeginOfSequence;

    /// <inheritdoc cref="TextEncoder.Encode"/>
    public int[] Encode(string text) => Encoder.Encode(text);

    /// <inheritdoc cref="TextEncoder.EncodeWhole"/>
    public int[] EncodeWhole(string text) => Encoder.EncodeWhole(text);

    /// <inheritdoc cref="TextEncoder.Prepare(TaskSample)"/>
    public ScoredSequence Prepare(TaskSample sample) => Encoder.Prepare(sample);

    /// <inheritdoc cref="TextEncoder.Prepare(TaskSample)"/>
    public ScoredSequence Prepare(ReadOnlySpan<int> prompt, ReadOnlySpan<int> target) => Encoder.Prepare(prompt, target);

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
}
