using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// The layers' part of a forward and backward pass: every layer's input is kept; what happens inside a layer is kept for the last layers as
/// far as memory allows, and computed again for the others (arXiv 1604.06174).
/// </summary>
internal sealed class LayerInputs(IReadOnlyList<Layer> layers, long keptBytes) : IDisposable
{
    private readonly Activation?[] _inputs = new Activation?[layers.Count];
    private readonly Tape?[] _tapes = new Tape?[layers.Count];

    /// <summary>What the embedding keeps.</summary>
    public Tape EmbeddingTape { get; } = new();

    /// <summary>Runs all layers.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="x">The first layer's input, which becomes this object's.</param>
    public Activation Forward(Pass pass, Activation x)
    {
        var firstKept = layers.Count;
        for (var i = 0; i < layers.Count; i++)
        {
            _inputs[i] = x;
            // The first layer shows what one costs; its own activations stay only if all do.
            pass.Tape = _tapes[i] = i == 0 || i >= firstKept ? new Tape() : null;
            x = layers[i].Forward(pass, x);
            if (i > 0)
                continue;
            firstKept = layers.Count - (int)Math.Min(layers.Count, keptBytes / Math.Max(1, _tapes[0]!.Bytes));
            if (firstKept > 0)
                Drop(0);
        }

        pass.Tape = null;
        return x;
    }

    /// <summary>Hands out all layers' gradients, last to first, and returns that of the first layer's input.</summary>
    public Activation Backward(Pass pass, Activation gradient)
    {
        for (var i = layers.Count - 1; i >= 0; i--)
        {
            using var output = gradient;
            if (_tapes[i] is null)
            {
                pass.Tape = _tapes[i] = new Tape();
                layers[i].Forward(pass, _inputs[i]!).Dispose();
            }

            pass.Tape = _tapes[i];
            gradient = layers[i].Backward(pass, output);
            Drop(i);
            _inputs[i]!.Dispose();
            _inputs[i] = null;
        }

        pass.Tape = null;
        return gradient;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (var i = 0; i < layers.Count; i++)
        {
            Drop(i);
            _inputs[i]?.Dispose();
        }

        EmbeddingTape.Dispose();
    }

    private void Drop(int layer)
    {
        _tapes[layer]?.Dispose();
        _tapes[layer] = null;
    }
}
