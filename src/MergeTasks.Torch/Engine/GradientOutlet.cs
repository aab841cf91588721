using System.Runtime.InteropServices;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// Adds up the gradients of the parameters of one part over pieces, and hands them out. They wait on the device until there are enough for
/// a transfer, and go together: a transfer for each of hundreds of small tensors would wait for the device as often.
/// </summary>
/// <param name="receiver">Takes the gradients.</param>
/// <param name="runtime">The device.</param>
/// <param name="uses">Of parameters that several parts use, how many do: what each part adds up to is handed out with the last.</param>
internal sealed class GradientOutlet(IGradientReceiver receiver, DeviceRuntime runtime, IReadOnlyDictionary<string, int> uses) : IDisposable
{
    private readonly int _capacity = runtime.Outbox.Capacity;
    private readonly Dictionary<DeviceParameter, Tensor> _sums = [];
    private readonly Dictionary<string, (Tensor Sum, int Left)> _shared = new(StringComparer.Ordinal);
    private readonly List<(DeviceParameter Parameter, long FirstRow, Tensor Rows)> _waiting = [];
    private long _waitingElements;

    /// <summary>
    /// Differentiates a part's result with respect to its input and its parameters, whose gradients are added to what there is.
    /// </summary>
    /// <param name="part">The part.</param>
    /// <param name="x">The part's input, a leaf of the graph.</param>
    /// <param name="y">The part's result.</param>
    /// <param name="dy">The gradient of the result.</param>
    /// <returns>The gradient of x.</returns>
    public Tensor Add(ModelPart part, Tensor x, Tensor y, Tensor dy) => Add(part, [x], [y], [dy])[0];

    /// <inheritdoc cref="Add(ModelPart, Tensor, Tensor, Tensor)"/>
    public Tensor[] Add(ModelPart part, Tensor[] x, Tensor[] y, Tensor[] dy)
    {
        var parameters = part.Parameters.ToArray();
        var all = autograd.grad(y, [.. x, .. parameters.Select(parameter => parameter.Value)], dy);

        // What may run out of memory comes first: a piece is added wholly or not at all.
        var singles = all.Select(gradient => gradient.to_type(ScalarType.Float32)).ToArray();
        for (var i = 0; i < parameters.Length; i++)
        {
            var own = singles[i + x.Length];
            if (_sums.TryGetValue(parameters[i], out var sum))
                sum.add_(own);
            else
                _sums.Add(parameters[i], own.DetachFromDisposeScope());
        }

        return singles[..x.Length];
    }

    /// <summary>Hands out what was added up, and forgets it.</summary>
    /// <param name="except">A parameter that is not complete yet.</param>
    /// <returns>The gradient of <paramref name="except"/>, which the caller disposes of; null where there is none.</returns>
    public Tensor? GiveAll(DeviceParameter? except = null)
    {
        Tensor? kept = null;
        foreach (var (parameter, sum) in _sums.ToArray())
        {
            _sums.Remove(parameter);
            if (parameter == except)
                kept = sum;
            else if (uses.TryGetValue(parameter.Name, out var count))
                GiveShared(parameter, sum, count);
            else
                Give(parameter, 0, sum);
        }

        return kept;
    }

    private void GiveShared(DeviceParameter parameter, Tensor sum, int count)
    {
        if (!_shared.Remove(parameter.Name, out var known))
            known = (sum, count);
        else
        {
            known.Sum.add_(sum);
            sum.Dispose();
        }

        if (known.Left > 1)
            _shared.Add(parameter.Name, (known.Sum, known.Left - 1));
        else
            Give(parameter, 0, known.Sum);
    }

    /// <summary>Hands out the gradient of some rows, which is the outlet's from here on: at once, or with those after it.</summary>
    public void Give(DeviceParameter parameter, long firstRow, Tensor gradient)
    {
        _waiting.Add((parameter, firstRow, gradient.DetachFromDisposeScope()));
        _waitingElements += gradient.numel();
        if (_waitingElements >= _capacity)
            Flush();
    }

    /// <summary>Hands out all that waits.</summary>
    public void Flush()
    {
        var together = new List<(DeviceParameter Parameter, long FirstRow, Tensor Rows)>();
        var elements = 0L;
        using var scope = NewDisposeScope();
        foreach (var (parameter, firstRow, gradient) in _waiting)
        {
            var rows = gradient.shape[0];
            var length = Math.Max(1, gradient.numel() / Math.Max(1, rows));
            for (var row = 0L; row < rows;)
            {
                if (elements > 0 && elements + length > _capacity)
                    Send();
                var count = Math.Min(rows - row, Math.Max(1, (_capacity - elements) / length));
                together.Add((parameter, firstRow + row, gradient.narrow(0, row, count)));
                elements += count * length;
                row += count;
            }
        }

        Send();
        Forget(_waiting.Select(waiting => waiting.Rows));
        _waiting.Clear();
        _waitingElements = 0;

        void Send()
        {
            Transfer(together);
            together.Clear();
            elements = 0;
        }
    }

    /// <summary>Forgets what an ended run left.</summary>
    public void Dispose()
    {
        Forget(_sums.Values);
        Forget(_shared.Values.Select(shared => shared.Sum));
        Forget(_waiting.Select(waiting => waiting.Rows));
        _sums.Clear();
        _shared.Clear();
        _waiting.Clear();
    }

    // What is handed out cannot be taken back, so only the packing may be tried again.
    private void Transfer(List<(DeviceParameter Parameter, long FirstRow, Tensor Rows)> pieces)
    {
        if (pieces.Count == 0)
            return;
        using var scope = NewDisposeScope();
        Tensor? packed = null;
        runtime.Try(
            () => packed = pieces.Count == 1 ? pieces[0].Rows : cat([.. pieces.Select(piece => piece.Rows.reshape(-1))], 0), 0, null);
        var values = runtime.Outbox.Take(packed!);
        foreach (var (parameter, firstRow, rows) in pieces)
        {
            var length = (int)rows.numel();
            receiver.Receive(new GradientPiece
            {
                Parameter = parameter.Name,
                Shape = parameter.Source.Shape,
                FirstRow = firstRow,
                Values = values[..length],
            });
            values = values[length..];
        }
    }

    private static void Forget(IEnumerable<Tensor> tensors)
    {
        foreach (var tensor in tensors)
            tensor.Dispose();
    }
}
