using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// Multi-head attention: project, clamp, normalise, rotate, attend, gate, project back; every step but the first, the attending and the
/// last optional.
/// </summary>
internal sealed class Attention : Mixer
{
    private readonly AttentionSpec _spec;
    private readonly HeadInputs _inputs;
    private readonly HeadNorm? _queryNorm;
    private readonly HeadNorm? _keyNorm;
    private readonly HeadNorm? _valueNorm;
    private readonly AttentionCore _core;
    private readonly Linear _output;
    private readonly string[] _outputName;

    /// <summary>Binds the parameters.</summary>
    public Attention(AttentionSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _inputs = HeadInputs.Of(spec, parameters);
        _queryNorm = spec.QueryNorm is null ? null : new HeadNorm(spec.QueryNorm, spec.Heads, parameters);
        _keyNorm = spec.KeyNorm is null ? null : new HeadNorm(spec.KeyNorm, spec.KeyValueHeads, parameters);
        _valueNorm = spec.ValueNorm is null ? null : new HeadNorm(spec.ValueNorm, spec.KeyValueHeads, parameters);
        _core = new AttentionCore(spec, parameters);
        _output = new Linear(spec.Output, parameters);
        _outputName = [_output.Name];
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules =>
    [
        .. _inputs.Modules,
        .. _queryNorm?.Modules ?? [],
        .. _keyNorm?.Modules ?? [],
        .. _valueNorm?.Modules ?? [],
        _output.Description,
    ];

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x)
    {
        var projected = _inputs.Forward(pass, x);
        if (_spec.Takes is { } source)
            projected = [.. projected, pass.Carried.Take(KeysOf(source)), pass.Carried.Take(ValuesOf(source))];
        var gates = TakeGates(pass, projected);
        if (!_spec.ClipsAfterNorms)
            Clip(pass, projected);
        if (_spec.NormsAfterRope)
            Rotate(pass, projected, transposed: false);
        Normalise(pass, _queryNorm, projected, _spec.Query.Projection);
        Normalise(pass, _keyNorm, projected, _spec.Key.Projection);
        Normalise(pass, _valueNorm, projected, _spec.Value.Projection);
        if (_spec.ClipsAfterNorms)
            Clip(pass, projected);
        if (!_spec.NormsAfterRope)
            Rotate(pass, projected, transposed: false);
        ScaleQueries(pass, projected[_spec.Query.Projection]);
        var (query, key, value) = (projected[_spec.Query.Projection], projected[_spec.Key.Projection], projected[_spec.Value.Projection]);
        using var result = pass.Rent(x.Rows, _spec.Heads * _spec.ValueSize);
        if (_spec.Gives is { } name)
        {
            pass.Carried.Give(KeysOf(name), key);
            pass.Carried.Give(ValuesOf(name), value);
        }

        _core.Forward(pass, query, key, value, result);
        pass.Tape?.Push(query);
        pass.Tape?.Push(key);
        pass.Tape?.Push(value);
        foreach (var activation in projected)
            activation.Dispose();
        using var gated = gates is null ? result.Share() : Open(pass, result, gates);
        gates?.Dispose();
        pass.Observe(_outputName, gated);
        return _output.Forward(pass, gated);
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        using var dGated = pass.Rent(dy.Rows, _spec.Heads * _spec.ValueSize);
        _output.Backward(pass, dy, dGated, accumulate: false);
        var dGates = _spec.Gate is null ? null : UndoOpen(pass, dGated);
        var gradients = BackwardToHeads(pass, dGated);
        PassOnGradients(pass, gradients);
        ScaleQueries(pass, gradients[_spec.Query.Projection]);
        if (!_spec.NormsAfterRope)
            Rotate(pass, gradients, transposed: true);
        if (_spec.ClipsAfterNorms)
            UndoClip(pass, gradients);
        UndoNormalise(pass, _valueNorm, gradients, _spec.Value.Projection);
        UndoNormalise(pass, _keyNorm, gradients, _spec.Key.Projection);
        UndoNormalise(pass, _queryNorm, gradients, _spec.Query.Projection);
        if (_spec.NormsAfterRope)
            Rotate(pass, gradients, transposed: true);
        if (!_spec.ClipsAfterNorms)
            UndoClip(pass, gradients);
        GiveGates(pass, gradients, dGates);
        dGates?.Dispose();
        var dx = _inputs.Backward(pass, gradients);
        foreach (var gradient in gradients)
            gradient.Dispose();
        return dx;
    }

    private Activation[] BackwardToHeads(Pass pass, Activation dResult)
    {
        using var value = pass.Tape!.Pop();
        using var key = pass.Tape.Pop();
        using var query = pass.Tape.Pop();
        var gradients = new Activation[1 + Math.Max(_spec.Query.Projection, Math.Max(_spec.Key.Projection, _spec.Value.Projection))];
        gradients[_spec.Query.Projection] = pass.RentZeros(dResult.Rows, query.Channels);
        gradients[_spec.Key.Projection] ??= pass.RentZeros(dResult.Rows, key.Channels);
        gradients[_spec.Value.Projection] ??= pass.RentZeros(dResult.Rows, value.Channels);
        _core.Backward(
            pass,
            query,
            key,
            value,
            dResult,
            gradients[_spec.Query.Projection],
            gradients[_spec.Key.Projection],
            gradients[_spec.Value.Projection]);
        return gradients;
    }

    /// <summary>The name under which a run carries given keys.</summary>
    public static string KeysOf(string name) => name + ", keys";

    /// <summary>The name under which a run carries given values.</summary>
    public static string ValuesOf(string name) => name + ", values";

    // Gradients of taken keys and values go back to the layer that gave them, which adds them to its own.
    private void PassOnGradients(Pass pass, Activation[] gradients)
    {
        var (dKey, dValue) = (gradients[_spec.Key.Projection], gradients[_spec.Value.Projection]);
        if (_spec.Gives is { } name)
        {
            pass.Carried.AddTo(KeysOf(name), dKey);
            pass.Carried.AddTo(ValuesOf(name), dValue);
        }

        if (_spec.Takes is not { } source)
            return;
        var (dKeys, dValues) = (pass.Carried.GradientOf(pass, KeysOf(source)), pass.Carried.GradientOf(pass, ValuesOf(source)));
        TensorPrimitives.Add(dKeys.Values, dKey.Values, dKeys.Values);
        TensorPrimitives.Add(dValues.Values, dValue.Values, dValues.Values);
    }

    private void Rotate(Pass pass, Activation[] projected, bool transposed)
    {
        if (_spec.Rope is not { } rope)
            return;
        var (query, key) = (projected[_spec.Query.Projection], projected[_spec.Key.Projection]);
        foreach (var sequence in pass.Layout.Sequences)
        {
            var rotation = pass.Rotation(rope, sequence.Length);
            pass.ForRows(sequence.Length, (first, end) =>
            {
                for (var position = first; position < end; position++)
                {
                    RotateHeads(rotation, query.Row(sequence.Start + position), _spec.Query, _spec.Heads, position, transposed);
                    if (_spec.Takes is null)
                        RotateHeads(rotation, key.Row(sequence.Start + position), _spec.Key, _spec.KeyValueHeads, position, transposed);
                }
            });
        }
    }

    private void RotateHeads(Rotation rotation, Span<float> row, HeadChannels at, int heads, int position, bool transposed)
    {
        for (var head = 0; head < heads; head++)
        {
            var channels = row.Slice(at.Of(head), _spec.HeadSize)[_spec.RopeOffset..];
            if (transposed)
                rotation.ApplyTransposed(channels, position);
            else
                rotation.Apply(channels, position);
        }
    }

    // The same forwards and backwards: a factor is its own transpose.
    private void ScaleQueries(Pass pass, Activation queries)
    {
        if (_spec.QueryFactor is not { } factor)
            return;
        foreach (var sequence in pass.Layout.Sequences)
        {
            for (var position = 0; position < sequence.Length; position++)
            {
                var row = queries.Row(sequence.Start + position);
                for (var head = 0; head < _spec.Heads; head++)
                {
                    var channels = row.Slice(_spec.Query.Of(head), _spec.HeadSize);
                    TensorPrimitives.Multiply(channels, (float)factor(position), channels);
                }
            }
        }
    }

    // Queries and gates lie in one projection, head by head; from here on queries lie by themselves, one head after the other.
    private Activation? TakeGates(Pass pass, Activation[] projected)
    {
        if (_spec.Gate is not { } at)
            return null;
        using var both = projected[at.Projection];
        var (queries, gates) = (pass.Rent(both.Rows, _spec.Heads * _spec.HeadSize), pass.Rent(both.Rows, _spec.Heads * _spec.ValueSize));
        for (var row = 0; row < both.Rows; row++)
        {
            for (var head = 0; head < _spec.Heads; head++)
            {
                var own = both.Row(row)[(head * at.Stride)..];
                own[.._spec.HeadSize].CopyTo(queries.Row(row)[(head * _spec.HeadSize)..]);
                own.Slice(at.Offset, _spec.ValueSize).CopyTo(gates.Row(row)[(head * _spec.ValueSize)..]);
            }
        }

        projected[at.Projection] = queries;
        return gates;
    }

    private void GiveGates(Pass pass, Activation[] gradients, Activation? dGates)
    {
        if (_spec.Gate is not { } at)
            return;
        using var queries = gradients[at.Projection];
        var both = pass.Rent(queries.Rows, _spec.Heads * at.Stride);
        for (var row = 0; row < both.Rows; row++)
        {
            for (var head = 0; head < _spec.Heads; head++)
            {
                var own = both.Row(row)[(head * at.Stride)..];
                queries.Row(row).Slice(head * _spec.HeadSize, _spec.HeadSize).CopyTo(own);
                dGates!.Row(row).Slice(head * _spec.ValueSize, _spec.ValueSize).CopyTo(own[at.Offset..]);
            }
        }

        gradients[at.Projection] = both;
    }

    private static Activation Open(Pass pass, Activation result, Activation gates)
    {
        var opened = pass.Rent(result.Rows, result.Channels);
        ActivationFunction.Of(ActivationKind.Sigmoid).Gate(gates.Values, result.Values, opened.Values);
        pass.Tape?.Push(result);
        pass.Tape?.Push(gates);
        return opened;
    }

    // Turns the gradient into that of the result before the gates, and returns that of the gates.
    private static Activation UndoOpen(Pass pass, Activation gradient)
    {
        using var gates = pass.Tape!.Pop();
        using var result = pass.Tape.Pop();
        var dGates = pass.Rent(gates.Rows, gates.Channels);
        ActivationFunction.Of(ActivationKind.Sigmoid)
            .GateBackward(gates.Values, result.Values, gradient.Values, dGates.Values, gradient.Values);
        return dGates;
    }

    private static void Normalise(Pass pass, HeadNorm? norm, Activation[] projected, int index)
    {
        if (norm is null)
            return;
        using var raw = projected[index];
        projected[index] = norm.Forward(pass, raw);
    }

    private static void UndoNormalise(Pass pass, HeadNorm? norm, Activation[] gradients, int index)
    {
        if (norm is null)
            return;
        using var gradient = gradients[index];
        gradients[index] = norm.Backward(pass, gradient);
    }

    private void Clip(Pass pass, Activation[] projected)
    {
        if (_spec.Clip is not { } limit)
            return;
        for (var i = 0; i < projected.Length; i++)
        {
            using var raw = projected[i];
            projected[i] = pass.Rent(raw.Rows, raw.Channels);
            TensorPrimitives.Clamp(raw.Values, -(float)limit, (float)limit, projected[i].Values);
            pass.Tape?.Push(raw);
        }
    }

    private void UndoClip(Pass pass, Activation[] gradients)
    {
        if (_spec.Clip is not { } limit)
            return;
        for (var i = gradients.Length - 1; i >= 0; i--)
        {
            using var raw = pass.Tape!.Pop();
            var values = raw.Values;
            var slopes = gradients[i].Values;
            for (var at = 0; at < values.Length; at++)
                if (MathF.Abs(values[at]) > (float)limit)
                    slopes[at] = 0;
        }
    }
}
