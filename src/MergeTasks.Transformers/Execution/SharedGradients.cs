using System.Numerics.Tensors;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Execution;

/// <summary>
/// Gradients of parameters that several blocks of a model use: each block's is added to those before, and the sum is handed out with the
/// last.
/// </summary>
internal sealed class SharedGradients
{
    private readonly Dictionary<string, (float[] Sum, long Left)> _sums = new(StringComparer.Ordinal);

    /// <summary>Adds some rows of one use's gradient.</summary>
    /// <param name="piece">The rows.</param>
    /// <param name="uses">How many uses there are in all.</param>
    /// <param name="receiver">Takes the sum.</param>
    public void Add(in GradientPiece piece, int uses, IGradientReceiver receiver)
    {
        var count = piece.Shape.Aggregate(1L, (product, size) => product * size);
        var (sum, left) = _sums.TryGetValue(piece.Parameter, out var known) ? known : (new float[count], count * uses);
        var own = sum.AsSpan((int)(piece.FirstRow * (count / piece.Shape[0])), piece.Values.Length);
        TensorPrimitives.Add(own, piece.Values, own);
        left -= piece.Values.Length;
        _sums[piece.Parameter] = (sum, left);
        if (left > 0)
            return;
        _sums.Remove(piece.Parameter);
        receiver.Receive(new GradientPiece { Parameter = piece.Parameter, Shape = piece.Shape, FirstRow = 0, Values = sum });
    }
}
