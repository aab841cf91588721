using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Engine;

/// <summary>
/// Sequences that run through a model together. The positions of all sequences, one after the other, are the batch's rows.
/// </summary>
internal sealed class TokenBatch
{
    private readonly int[] _starts;

    /// <summary>A batch of sequences.</summary>
    /// <exception cref="ModelException"><see cref="ModelError.BadInput"/>: no sequence, an empty one, or lists of different
    /// lengths.</exception>
    public TokenBatch(params IReadOnlyList<TokenSequence> sequences)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        if (sequences.Count == 0)
            throw new ModelException(ModelError.BadInput, "A batch needs at least one sequence.");
        Sequences = sequences;
        _starts = new int[sequences.Count + 1];
        for (var i = 0; i < sequences.Count; i++)
        {
            var sequence = sequences[i];
            if (sequence.Ids.Count == 0)
                throw new ModelException(ModelError.BadInput, $"Sequence {i} is empty; it needs at least one token.");
            Check(i, "attention flags", sequence.Attended?.Count, sequence.Ids.Count);
            Check(i, "token types", sequence.Types?.Count, sequence.Ids.Count);
            _starts[i + 1] = checked(_starts[i] + sequence.Ids.Count);
        }
    }

    /// <summary>The sequences.</summary>
    public IReadOnlyList<TokenSequence> Sequences { get; }

    /// <summary>Positions of all sequences together.</summary>
    public int Rows => _starts[^1];

    /// <summary>A batch of plain sequences.</summary>
    public static TokenBatch Of(params IReadOnlyList<int>[] sequences) => new([.. sequences.Select(ids => new TokenSequence(ids))]);

    /// <summary>The row of a sequence's first position.</summary>
    public int Start(int sequence) => _starts[sequence];

    /// <summary>Whether a row holds a token and not padding.</summary>
    public bool IsToken(int row)
    {
        var sequence = Array.BinarySearch(_starts, row);
        if (sequence < 0)
            sequence = ~sequence - 1;
        return Sequences[sequence].Attended is not { } attended || attended[row - _starts[sequence]];
    }

    private static void Check(int sequence, string what, int? count, int expected)
    {
        if (count is { } given && given != expected)
            throw new ModelException(ModelError.BadInput, $"Sequence {sequence} has {expected} ids but {given} {what}.");
    }
}
