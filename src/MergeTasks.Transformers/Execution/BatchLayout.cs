using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Execution;

/// <summary>A batch as the blocks see it: every position of every sequence is a row.</summary>
internal sealed class BatchLayout
{
    /// <summary>Lays out a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="takesPadding">
    /// Whether sequences may have padding. In a causal model a position could see nothing else, and would have no probabilities.
    /// </param>
    /// <exception cref="ModelException"><see cref="ModelError.BadInput"/>: padding that the model does not take.</exception>
    public BatchLayout(TokenBatch batch, bool takesPadding)
    {
        Rows = batch.Rows;
        Sequences = [.. batch.Sequences.Select((sequence, i) => new SequenceRows(batch.Start(i), sequence.Ids.Count, Hidden(sequence)))];
        var padded = Sequences.Index().FirstOrDefault(sequence => !takesPadding && sequence.Item.Hidden is not null, (-1, default));
        if (padded.Index >= 0)
        {
            throw new ModelException(
                ModelError.BadInput,
                $"Sequence {padded.Index} has padding, which a decoder does not take; sequences of a batch may have different lengths.");
        }

        Identity = [.. Enumerable.Range(0, Rows)];
        FirstRows = [.. Sequences.Select(sequence => sequence.Start)];
    }

    /// <summary>Positions of all sequences.</summary>
    public int Rows { get; }

    /// <summary>The rows of each sequence.</summary>
    public IReadOnlyList<SequenceRows> Sequences { get; }

    /// <summary>0, 1, 2, … : the batch rows of activations that have one row per position.</summary>
    public int[] Identity { get; }

    /// <summary>The batch row of each sequence's first position.</summary>
    public int[] FirstRows { get; }

    private static bool[]? Hidden(TokenSequence sequence) =>
        sequence.Attended is { } attended && attended.Contains(false) ? [.. attended.Select(flag => !flag)] : null;
}

/// <summary>One sequence's rows.</summary>
/// <param name="Start">First row.</param>
/// <param name="Length">Number of rows.</param>
/// <param name="Hidden">Positions that no position attends to (padding); null: none.</param>
internal readonly record struct SequenceRows(int Start, int Length, bool[]? Hidden);
