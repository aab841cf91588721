using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Multi-head attention: project, clamp, normalise, rotate, attend, project back; every step but the first and last optional.</summary>
internal sealed class Attention
{
    private readonly AttentionSpec _spec;
    private readonly Linear[] _projections;
    private readonly HeadNorm? _queryNorm;
    private readonly HeadNorm? _keyNorm;
    private readonly AttentionCore _core;
    private readonly Linear _output;
    private readonly string[] _projectionNames;
    private readonly string[] _outputName;

    /// <summary>Binds the parameters.</summary>
    public Attention(AttentionSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _projections = [.. spec.Projections.Select(projection => new Linear(projection, parameters))];
        _queryNorm = spec.QueryNorm is null ? null : new HeadNorm(spec.QueryNorm, spec.Heads, parameters);
        _keyNorm = spec.KeyNorm is null ? null : new HeadNorm(spec.KeyNorm, spec.KeyValueHeads, parameters);
        _core = new AttentionCore(spec);
        _output = new Linear(spec.Output, parameters);
        _projectionNames = [.. _projections.Select(projection => projection.Name)];
        _outputName = [_output.Name];
    }

    /// <summary>The modules, in the order of computation.</summary>
    public IEnumerable<ModuleDescription> Modules =>
    [
        .. _projections.Select(projection => projection.Description),
        .. _queryNorm?.Modules ?? [],
        .. _keyNorm?.Modules ?? [],
        _output.Description,
    ];

    /// <summary>Attends within each sequence.</summary>
    public Activation Forward(Pass pass, Activation x)
    {
        pass.Observe(_projectionNames, x);
        var projected = new Activation[_projections.Length];
        for (var i = 0; i < projected.Length; i++)
            projected[i] = _projections[i].Forward(pass, x);
        if (_spec.Clip is { } limit)
            Replace(projected, raw => Clip(pass, raw, (float)limit));
        Normalise(pass, _queryNorm, projected, _spec.Query.Projection);
        Normalise(pass, _keyNorm, projected, _spec.Key.Projection);
        var (query, key, value) = (projected[_spec.Query.Projection], projected[_spec.Key.Projection], projected[_spec.Value.Projection]);
        Rotate(pass, query, key, transposed: false);
        using var result = pass.Rent(x.Rows, _spec.Heads * _spec.HeadSize);
        _core.Forward(pass, query, key, value, result);
        pass.Tape?.Push(query);
        pass.Tape?.Push(key);
        pass.Tape?.Push(value);
        foreach (var activation in projected)
            activation.Dispose();
        pass.Observe(_outputName, result);
        return _output.Forward(pass, result);
    }

    /// <summary>Hands out the parameters' gradients and returns that of x.</summary>
    public Activation Backward(Pass pass, Activation dy)
    {
        var gradients = BackwardToProjections(pass, dy);
        UndoNormalise(pass, _keyNorm, gradients, _spec.Key.Projection);
        UndoNormalise(pass, _queryNorm, gradients, _spec.Query.Projection);
        if (_spec.Clip is { } limit)
            for (var i = gradients.Length - 1; i >= 0; i--)
                UndoClip(pass, gradients[i], (float)limit);
        var dx = pass.Rent(dy.Rows, _spec.Projections[0].Inputs);
        for (var i = gradients.Length - 1; i >= 0; i--)
        {
            _projections[i].Backward(pass, gradients[i], dx, accumulate: i < gradients.Length - 1);
            gradients[i].Dispose();
        }

        return dx;
    }

    private Activation[] BackwardToProjections(Pass pass, Activation dy)
    {
        using var dResult = pass.Rent(dy.Rows, _spec.Heads * _spec.HeadSize);
        _output.Backward(pass, dy, dResult, accumulate: false);
        using var value = pass.Tape!.Pop();
        using var key = pass.Tape.Pop();
        using var query = pass.Tape.Pop();
        var gradients = new Activation[_projections.Length];
        for (var i = 0; i < gradients.Length; i++)
            gradients[i] = pass.RentZeros(dy.Rows, _spec.Projections[i].Outputs);
        var (dQuery, dKey) = (gradients[_spec.Query.Projection], gradients[_spec.Key.Projection]);
        _core.Backward(pass, query, key, value, dResult, dQuery, dKey, gradients[_spec.Value.Projection]);
        Rotate(pass, dQuery, dKey, transposed: true);
        return gradients;
    }

    private void Rotate(Pass pass, Activation query, Activation key, bool transposed)
    {
        if (_spec.Rope is not { } rope)
            return;
        foreach (var sequence in pass.Layout.Sequences)
        {
            var rotation = pass.Rotation(rope, sequence.Length);
            pass.ForRows(sequence.Length, (first, end) =>
            {
                for (var position = first; position < end; position++)
                {
                    RotateHeads(rotation, query.Row(sequence.Start + position), _spec.Query, _spec.Heads, position, transposed);
                    RotateHeads(rotation, key.Row(sequence.Start + position), _spec.Key, _spec.KeyValueHeads, position, transposed);
                }
            });
        }
    }

    private void RotateHeads(Rotation rotation, Span<float> row, HeadChannels at, int heads, int position, bool transposed)
    {
        for (var head = 0; head < heads; head++)
        {
            var channels = row.Slice(at.Offset + head * at.Stride, _spec.HeadSize);
            if (transposed)
                rotation.ApplyTransposed(channels, position);
            else
                rotation.Apply(channels, position);
        }
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

    private static void Replace(Activation[] activations, Func<Activation, Activation> with)
    {
        for (var i = 0; i < activations.Length; i++)
        {
            using var old = activations[i];
            activations[i] = with(old);
        }
    }

    private static Activation Clip(Pass pass, Activation raw, float limit)
    {
        var clipped = pass.Rent(raw.Rows, raw.Channels);
        TensorPrimitives.Clamp(raw.Values, -limit, limit, clipped.Values);
        pass.Tape?.Push(raw);
        return clipped;
    }

    private static void UndoClip(Pass pass, Activation gradient, float limit)
    {
        using var raw = pass.Tape!.Pop();
        var values = raw.Values;
        var slopes = gradient.Values;
        for (var i = 0; i < values.Length; i++)
            if (MathF.Abs(values[i]) > limit)
                slopes[i] = 0;
    }
}
