using MergeTasks.Transformers.Execution;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// Runs the parts of a model over one batch, some sequences or some rows at a time: a part's weights come to the device once, whatever
/// their number.
/// </summary>
internal sealed class PieceRunner(DeviceRuntime runtime, BatchLayout layout, CancellationToken cancellation) : IDisposable
{
    private readonly Dictionary<(int First, int End), BatchPiece> _pieces = [];

    /// <summary>Runs a step for all sequences.</summary>
    /// <param name="part">The part.</param>
    /// <param name="withGradients">Whether the graph is recorded.</param>
    /// <param name="step">The step. What it leaves behind, it leaves at its end, because until then it may have to be run again.</param>
    public void ForSequences(ModelPart part, bool withGradients, Action<BatchPiece> step) => With(part, withGradients, () =>
    {
        for (var first = 0; first < layout.Sequences.Count;)
        {
            var piece = PieceFrom(first);
            if (Attempt(() => step(piece), piece.Slots, piece.Count > 1 ? runtime.SequenceRows : null))
                first = piece.End;
            else
                Forget(first, piece);
        }
    });

    /// <summary>Runs a step for some rows, given by first and end.</summary>
    /// <param name="part">The part of the model.</param>
    /// <param name="withGradients">Whether gradients are wanted.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="most">Most rows at once.</param>
    /// <param name="step">The step, for rows from the first to before the end.</param>
    public void ForRows(ModelPart part, bool withGradients, int rows, int most, Action<int, int> step) => With(part, withGradients, () =>
    {
        for (var first = 0; first < rows;)
        {
            var end = Math.Min(rows, first + Math.Max(1, Math.Min(most, runtime.ScoredRows.Most)));
            if (Attempt(() => step(first, end), end - first, end - first > 1 ? runtime.ScoredRows : null))
                first = end;
        }
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var piece in _pieces.Values)
            piece.Dispose();
    }

    private void With(ModelPart part, bool withGradients, Action work)
    {
        using var scope = NewDisposeScope();
        using var mode = set_grad_enabled(withGradients);
        try
        {
            runtime.Try(() => part.Open(runtime.Weights, withGradients), 0, null);
            work();
        }
        finally
        {
            part.Close();
        }
    }

    private bool Attempt(Action step, int rows, RowLimit? limit)
    {
        cancellation.ThrowIfCancellationRequested();
        return runtime.Try(() =>
        {
            using var scope = NewDisposeScope();
            step();
        }, rows, limit);
    }

    private BatchPiece PieceFrom(int first)
    {
        // Attention pads all sequences to the longest.
        var end = first + 1;
        for (var longest = layout.Sequences[first].Length; end < layout.Sequences.Count; end++)
        {
            longest = Math.Max(longest, layout.Sequences[end].Length);
            if ((long)(end + 1 - first) * longest > runtime.SequenceRows.Most)
                break;
        }

        if (!_pieces.TryGetValue((first, end), out var piece))
            _pieces.Add((first, end), piece = new BatchPiece(layout, first, end, runtime.Device));
        return piece;
    }

    private void Forget(int first, BatchPiece piece)
    {
        _pieces.Remove((first, piece.End));
        piece.Dispose();
    }
}
