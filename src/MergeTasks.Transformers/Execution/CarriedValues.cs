using System.Numerics.Tensors;

namespace MergeTasks.Transformers.Execution;

/// <summary>
/// What one block of a run gives to later ones beside the residual stream, and, backwards, the gradients that those give back. A layer that
/// is computed again gives the same values again.
/// </summary>
internal sealed class CarriedValues : IDisposable
{
    private readonly Dictionary<string, Activation> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Activation> _gradients = new(StringComparer.Ordinal);

    /// <summary>Gives a value, becoming one of its holders.</summary>
    public void Give(string name, Activation value)
    {
        var shared = value.Share();
        if (_values.Remove(name, out var old))
            old.Dispose();
        _values.Add(name, shared);
    }

    /// <summary>A value, of which the caller becomes a holder.</summary>
    public Activation Take(string name) => _values[name].Share();

    /// <summary>The sum of a value's gradients so far, for its users to add to.</summary>
    public Activation GradientOf(Pass pass, string name)
    {
        if (!_gradients.TryGetValue(name, out var gradient))
        {
            var value = _values[name];
            _gradients.Add(name, gradient = pass.RentZeros(value.Rows, value.Channels));
        }

        return gradient;
    }

    /// <summary>Adds to what the users of a value gave back, the giver's own gradient of it.</summary>
    public void AddTo(string name, Activation gradient)
    {
        if (!_gradients.Remove(name, out var others))
            return;
        using (others)
            TensorPrimitives.Add(gradient.Values, others.Values, gradient.Values);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var activation in _values.Values.Concat(_gradients.Values))
            activation.Dispose();
        _values.Clear();
        _gradients.Clear();
    }
}
