using System.Runtime.InteropServices;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Engine;

/// <summary>Adds up the gradients of the parameters of one part over pieces, and hands them out.</summary>
internal sealed class GradientOutlet(IGradientReceiver receiver) : IDisposable
{
    private const int ElementsPerCopy = 1 << 24;

    private readonly Dictionary<DeviceParameter, Tensor> _sums = [];

    /// <summary>Differentiates a part's result with respect to its input and its parameters, whose gradients are added to what there is.</summary>
    /// <param name="part">The part.</param>
    /// <param name="x">The part's input, a leaf of the graph.</param>
    /// <param name="y">The part's result.</param>
    /// <param name="dy">The gradient of the result.</param>
    /// <returns>The gradient of x.</returns>
    public Tensor Add(ModelPart part, Tensor x, Tensor y, Tensor dy)
    {
        var parameters = part.Parameters.ToArray();
        var all = autograd.grad([y], [x, .. parameters.Select(parameter => parameter.Value)], [dy]);

        // What may run out of memory comes first: a piece is added wholly or not at all.
        var singles = all.Select(gradient => gradient.to_type(ScalarType.Float32)).ToArray();
        for (var i = 0; i < parameters.Length; i++)
        {
            if (_sums.TryGetValue(parameters[i], out var sum))
                sum.add_(singles[i + 1]);
            else
                _sums.Add(parameters[i], singles[i + 1].DetachFromDisposeScope());
        }

        return singles[0];
    }

    /// <summary>Hands out what was added up, and forgets it.</summary>
    /// <param name="except">A parameter that is not complete yet.</param>
    /// <returns>The gradient of <paramref name="except"/>, which the caller disposes of; null where there is none.</returns>
    public Tensor? GiveAll(DeviceParameter? except = null)
    {
        Tensor? kept = null;
        foreach (var (parameter, sum) in _sums.ToArray())
        {
            if (parameter == except)
            {
                kept = sum;
            }
            else
            {
                Give(parameter, 0, sum);
                sum.Dispose();
            }

            _sums.Remove(parameter);
        }

        return kept;
    }

    /// <summary>Forgets what an ended run left.</summary>
    public void Dispose()
    {
        foreach (var sum in _sums.Values)
            sum.Dispose();
        _sums.Clear();
    }

    /// <summary>Hands out the gradient of some rows.</summary>
    public void Give(DeviceParameter parameter, long firstRow, Tensor gradient)
    {
        var rows = gradient.shape[0];
        var perCopy = Math.Max(1, ElementsPerCopy / Math.Max(1, gradient.numel() / Math.Max(1, rows)));
        for (var row = 0L; row < rows; row += perCopy)
        {
            using var scope = NewDisposeScope();
            var part = gradient.narrow(0, row, Math.Min(perCopy, rows - row)).cpu().contiguous();
            receiver.Receive(new GradientPiece
            {
                Parameter = parameter.Name,
                Shape = parameter.Source.Shape,
                FirstRow = firstRow + row,
                Values = MemoryMarshal.Cast<byte, float>(part.bytes),
            });
        }
    }
}
