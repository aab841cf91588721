using System.Numerics.Tensors;

namespace MergeTasks.Transformers.Execution;

/// <summary>
/// Sums over all rows of a matrix, per channel: each fixed piece of rows adds up into its own row of partial sums, and these are added in
/// order.
/// </summary>
internal sealed class RowSums : IDisposable
{
    private readonly Activation _partial;

    /// <summary>Sums of some channels over a number of rows.</summary>
    public RowSums(Pass pass, int rows, int channels) =>
        _partial = pass.RentZeros(Math.Max(1, (rows + Pass.RowsPerPiece - 1) / Pass.RowsPerPiece), channels);

    /// <summary>The partial sums of the piece that begins with a row.</summary>
    public Span<float> PieceOf(int firstRow) => _partial.Row(firstRow / Pass.RowsPerPiece);

    /// <summary>Adds up the pieces; valid until disposal.</summary>
    public ReadOnlySpan<float> Total()
    {
        var total = _partial.Row(0);
        for (var piece = 1; piece < _partial.Rows; piece++)
            TensorPrimitives.Add(total, _partial.Row(piece), total);
        return total;
    }

    /// <inheritdoc/>
    public void Dispose() => _partial.Dispose();
}
