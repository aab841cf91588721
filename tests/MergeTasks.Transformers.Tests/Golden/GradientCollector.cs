using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>Puts the pieces of every gradient together, and checks that they come in order and cover each parameter once.</summary>
internal sealed class GradientCollector : IGradientReceiver
{
    private readonly Dictionary<string, (float[] Values, long Filled)> _gradients = [];

    public IEnumerable<string> Names => _gradients.Keys;

    public int Pieces { get; private set; }

    public float[] this[string name] =>
        _gradients[name] is var (values, filled) && filled == values.Length
            ? values
            : throw new InvalidOperationException($"'{name}' is incomplete.");

    public void Receive(in GradientPiece piece)
    {
        Pieces++;
        var size = piece.Shape.Aggregate(1L, (product, dimension) => product * dimension);
        var start = piece.FirstRow * (size / piece.Shape[0]);
        var (values, filled) = _gradients.TryGetValue(piece.Parameter, out var known) ? known : (new float[size], 0);
        Assert.Equal(filled, start);
        piece.Values.CopyTo(values.AsSpan((int)start));
        _gradients[piece.Parameter] = (values, start + piece.Values.Length);
    }
}
