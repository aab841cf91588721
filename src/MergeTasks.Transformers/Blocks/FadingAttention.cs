using System.Numerics.Tensors;
using MergeTasks.Numerics.Products;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Lightning attention, see <see cref="FadingSpec"/>. All products of a head's queries and keys are held at once.</summary>
internal sealed class FadingAttention : Mixer
{
    private readonly FadingSpec _spec;
    private readonly Linear _projection;
    private readonly ActivationFunction _function;
    private readonly Linear _gate;
    private readonly Norm _norm;
    private readonly Linear _output;
    private readonly ActivationFunction _open = ActivationFunction.Of(ActivationKind.Sigmoid);

    /// <summary>Binds the parameters.</summary>
    public FadingAttention(FadingSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _projection = new Linear(spec.Projection, parameters);
        _function = ActivationFunction.Of(spec.Activation);
        _gate = new Linear(spec.Gate, parameters);
        _norm = new Norm(spec.Norm, parameters);
        _output = new Linear(spec.Output, parameters);
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules =>
        [_projection.Description, _gate.Description, .. _norm.Descriptions, _output.Description];

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x)
    {
        pass.Observe([_projection.Name, _gate.Name], x);
        using var projected = _projection.Forward(pass, x);
        using var heads = _function.Forward(pass, projected);
        using var result = pass.Rent(x.Rows, _spec.Heads * _spec.HeadSize);
        pass.For(pass.Layout.Sequences.Count * _spec.Heads, piece =>
        {
            var (sequence, head) = (pass.Layout.Sequences[piece / _spec.Heads], piece % _spec.Heads);
            var shares = Shares(heads, sequence, head);
            MatrixProduct.Times(
                new MatrixView(shares, sequence.Length, sequence.Length),
                Part(heads, sequence, head, 2),
                Result(result, sequence, head),
                accumulate: false,
                1);
        });
        pass.Tape?.Push(heads);
        using var normalised = _norm.Forward(pass, result);
        using var gates = _gate.Forward(pass, x);
        using var gated = pass.Rent(x.Rows, result.Channels);
        _open.Gate(gates.Values, normalised.Values, gated.Values);
        pass.Tape?.Push(normalised);
        pass.Tape?.Push(gates);
        pass.Observe([_output.Name], gated);
        return _output.Forward(pass, gated);
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        using var dGated = pass.Rent(dy.Rows, _spec.Heads * _spec.HeadSize);
        _output.Backward(pass, dy, dGated, accumulate: false);
        using var gates = pass.Tape!.Pop();
        using var normalised = pass.Tape.Pop();
        using var dGates = pass.Rent(gates.Rows, gates.Channels);
        using var dNormalised = pass.Rent(gates.Rows, gates.Channels);
        _open.GateBackward(gates.Values, normalised.Values, dGated.Values, dGates.Values, dNormalised.Values);
        var dx = pass.Rent(dy.Rows, dy.Channels);
        _gate.Backward(pass, dGates, dx, accumulate: false);
        using var dResult = _norm.Backward(pass, dNormalised);
        using var heads = pass.Tape.Pop();
        using var dHeads = pass.RentZeros(heads.Rows, heads.Channels);
        pass.For(pass.Layout.Sequences.Count * _spec.Heads, piece =>
            BackThrough(heads, dHeads, dResult, pass.Layout.Sequences[piece / _spec.Heads], piece % _spec.Heads));
        _function.Backward(pass, dHeads);
        _projection.Backward(pass, dHeads, dx, accumulate: true);
        return dx;
    }

    // What is left of each key at each query, times their product.
    private float[] Shares(Activation heads, SequenceRows sequence, int head)
    {
        var length = sequence.Length;
        var shares = new float[length * length];
        MatrixProduct.TimesTransposed(
            Part(heads, sequence, head, 0), Part(heads, sequence, head, 1), new MatrixView(shares, length, length), accumulate: false, 1);
        Fade(shares, length, head);
        return shares;
    }

    private void BackThrough(Activation heads, Activation dHeads, Activation dResult, SequenceRows sequence, int head)
    {
        var length = sequence.Length;
        var gradient = new float[length * length];
        var dr = Result(dResult, sequence, head);
        MatrixProduct.TransposedTimes(
            new MatrixView(Shares(heads, sequence, head), length, length), dr, Part(dHeads, sequence, head, 2), accumulate: true, 1);
        MatrixProduct.TimesTransposed(dr, Part(heads, sequence, head, 2), new MatrixView(gradient, length, length), accumulate: false, 1);
        Fade(gradient, length, head);
        var slopes = new MatrixView(gradient, length, length);
        MatrixProduct.Times(slopes, Part(heads, sequence, head, 1), Part(dHeads, sequence, head, 0), accumulate: true, 1);
        MatrixProduct.TransposedTimes(slopes, Part(heads, sequence, head, 0), Part(dHeads, sequence, head, 1), accumulate: true, 1);
    }

    private void Fade(float[] products, int length, int head)
    {
        var left = Enumerable.Range(0, length).Select(distance => _spec.Left(head, distance)).Reverse().ToArray();
        for (var query = 0; query < length; query++)
        {
            var row = products.AsSpan(query * length, length);
            TensorPrimitives.Multiply(row[..(query + 1)], left.AsSpan(length - 1 - query), row[..(query + 1)]);
            row[(query + 1)..].Clear();
        }
    }

    // A head's queries (0), keys (1) or values (2).
    private MatrixView Part(Activation heads, SequenceRows sequence, int head, int which) =>
        heads.Part(sequence.Start, sequence.Length, (3 * head + which) * _spec.HeadSize, _spec.HeadSize);

    private MatrixView Result(Activation rows, SequenceRows sequence, int head) =>
        rows.Part(sequence.Start, sequence.Length, head * _spec.HeadSize, _spec.HeadSize);
}
