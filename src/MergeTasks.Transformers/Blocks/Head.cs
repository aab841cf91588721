using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>What follows the last layer: a norm, perhaps a matrix with a function and a norm, and the output.</summary>
internal sealed class Head
{
    private readonly HeadSpec _spec;
    private readonly StreamMaps? _streams;
    private readonly Norm? _norm;
    private readonly Linear? _dense;
    private readonly ActivationFunction? _function;
    private readonly Norm? _denseNorm;
    private readonly string[] _denseName;
    private readonly string[] _outputName;

    /// <summary>Binds the parameters.</summary>
    public Head(HeadSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _streams = spec.Streams is null ? null : new StreamMaps(spec.Streams, parameters);
        _norm = spec.Norm is null ? null : new Norm(spec.Norm, parameters);
        if (spec.Dense is not null)
        {
            _dense = new Linear(spec.Dense, parameters);
            _function = ActivationFunction.Of(spec.DenseActivation);
        }

        _denseNorm = spec.DenseNorm is null ? null : new Norm(spec.DenseNorm, parameters);
        Output = new OutputProjection(spec, parameters);
        _denseName = _dense is null ? [] : [_dense.Name];
        _outputName = [Output.Description.Name];
    }

    /// <summary>The last matrix.</summary>
    public OutputProjection Output { get; }

    /// <summary>Whether only first positions are scored.</summary>
    public bool FirstTokenOnly => _spec.FirstTokenOnly;

    /// <summary>The modules, in the order of computation.</summary>
    public IEnumerable<ModuleDescription> Modules =>
    [
        .. _streams?.Modules ?? [],
        .. _norm?.Descriptions ?? [],
        .. _dense is null ? Array.Empty<ModuleDescription>() : [_dense.Description],
        .. _denseNorm?.Descriptions ?? [],
        Output.Description,
    ];

    /// <summary>The output's input for some batch rows.</summary>
    public Activation Forward(Pass pass, Activation x, int[] batchRows)
    {
        var h = Rows(pass, x, batchRows);
        pass.Observe(_denseName, h, batchRows);
        h = Next(h, input => _dense?.Forward(pass, input));
        h = Next(h, input => _function?.Forward(pass, input));
        h = Next(h, input => _denseNorm?.Forward(pass, input, batchRows));
        pass.Observe(_outputName, h, batchRows);
        return h;
    }

    /// <summary>Hands out the parameters' gradients (the output's excepted) and returns that of all batch rows.</summary>
    public Activation Backward(Pass pass, Activation dh, int[] batchRows)
    {
        var gradient = Next(dh.Share(), input => _denseNorm?.Backward(pass, input));
        if (_dense is not null)
        {
            gradient = Next(gradient, input => Copy(pass, input));
            _function!.Backward(pass, gradient);
            gradient = Next(gradient, input =>
            {
                var dx = pass.Rent(input.Rows, _spec.Dense!.Inputs);
                _dense.Backward(pass, input, dx, accumulate: false);
                return dx;
            });
        }

        using (gradient)
            return UndoRows(pass, gradient, batchRows);
    }

    // A norm before the classifier of a whole sequence is of all positions, as observers see it.
    private Activation Rows(Pass pass, Activation x, int[] batchRows)
    {
        using var all = FirstTokenOnly && _norm is not null ? _norm.Forward(pass, x) : x.Share();
        var h = pass.RentZeros(batchRows.Length, x.Channels);
        for (var i = 0; i < batchRows.Length; i++)
            foreach (var (row, share) in Pooled(pass, batchRows[i]))
                TensorPrimitives.MultiplyAdd(all.Row(row), share, h.Row(i), h.Row(i));
        h = Next(h, input => _streams?.Collapse(pass, input, batchRows));
        return FirstTokenOnly ? h : Next(h, input => _norm?.Forward(pass, input, batchRows));
    }

    private Activation UndoRows(Pass pass, Activation gradient, int[] batchRows)
    {
        using var one = !FirstTokenOnly && _norm is not null ? _norm.Backward(pass, gradient) : gradient.Share();
        using var own = _streams?.CollapseBackward(pass, one) ?? one.Share();
        var dx = pass.RentZeros(pass.Layout.Rows, own.Channels);
        for (var i = 0; i < batchRows.Length; i++)
            foreach (var (row, share) in Pooled(pass, batchRows[i]))
                TensorPrimitives.MultiplyAdd(own.Row(i), share, dx.Row(row), dx.Row(row));
        return FirstTokenOnly && _norm is not null ? Next(dx, input => _norm.Backward(pass, input)) : dx;
    }

    // The rows that a scored row stands for, and the share of each.
    private IEnumerable<(int Row, float Share)> Pooled(Pass pass, int batchRow)
    {
        if (!_spec.PoolsMean)
            return [(batchRow, 1)];
        var sequence = pass.Layout.Sequences.First(sequence => sequence.Start == batchRow);
        var seen = Enumerable.Range(0, sequence.Length).Where(position => sequence.Hidden is not { } hidden || !hidden[position]).ToArray();
        return seen.Select(position => (batchRow + position, 1f / seen.Length));
    }

    private static Activation Copy(Pass pass, Activation from)
    {
        var copy = pass.Rent(from.Rows, from.Channels);
        from.Values.CopyTo(copy.Values);
        return copy;
    }

    private static Activation Next(Activation x, Func<Activation, Activation?> step)
    {
        if (step(x) is not { } y)
            return x;
        x.Dispose();
        return y;
    }
}
