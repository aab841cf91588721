using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>down(f(up(x))), or with a gate down(f(gate(x)) · up(x)).</summary>
internal sealed class Mlp : FeedForward
{
    private readonly MlpSpec _spec;
    private readonly Linear? _gate;
    private readonly Linear _up;
    private readonly Linear _down;
    private readonly ActivationFunction _function;
    private readonly string[] _entryNames;
    private readonly string[] _downName;

    /// <summary>Binds the parameters.</summary>
    public Mlp(MlpSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _gate = spec.Gate is null ? null : new Linear(spec.Gate, parameters);
        _up = new Linear(spec.Up, parameters);
        _down = new Linear(spec.Down, parameters);
        _function = ActivationFunction.Of(spec.Activation);
        _entryNames = _gate is null ? [_up.Name] : [_gate.Name, _up.Name];
        _downName = [_down.Name];
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules => _gate is null
        ? [_up.Description, _down.Description]
        : [_gate.Description, _up.Description, _down.Description];

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x, int[] batchRows)
    {
        pass.Observe(_entryNames, x, batchRows);
        using var h = Inner(pass, x);
        pass.Observe(_downName, h, batchRows);
        return _down.Forward(pass, h);
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        var dh = pass.Rent(dy.Rows, _spec.Down.Inputs);
        _down.Backward(pass, dy, dh, accumulate: false);
        var dx = pass.Rent(dy.Rows, _spec.Up.Inputs);
        if (_gate is not null)
        {
            using var u = pass.Tape!.Pop();
            using var g = pass.Tape.Pop();
            using var dg = pass.Rent(dh.Rows, dh.Channels);
            pass.ForRows(dh.Rows, (first, end) =>
            {
                for (var row = first; row < end; row++)
                    _function.GateBackward(g.Row(row), u.Row(row), dh.Row(row), dg.Row(row), dh.Row(row));
            });
            _up.Backward(pass, dh, dx, accumulate: false);
            _gate.Backward(pass, dg, dx, accumulate: true);
        }
        else if (_spec.GateInUp)
        {
            using var both = pass.Tape!.Pop();
            using var gradient = pass.Rent(both.Rows, both.Channels);
            var inner = _spec.Down.Inputs;
            pass.ForRows(dh.Rows, (first, end) =>
            {
                for (var row = first; row < end; row++)
                {
                    _function.GateBackward(
                        both.Row(row)[..inner], both.Row(row)[inner..], dh.Row(row), gradient.Row(row)[..inner], gradient.Row(row)[inner..]);
                }
            });
            _up.Backward(pass, gradient, dx, accumulate: false);
        }
        else
        {
            _function.Backward(pass, dh);
            _up.Backward(pass, dh, dx, accumulate: false);
        }

        dh.Dispose();
        return dx;
    }

    private Activation Inner(Pass pass, Activation x)
    {
        var inner = _spec.Down.Inputs;
        if (_gate is not null)
        {
            using var g = _gate.Forward(pass, x);
            using var u = _up.Forward(pass, x);
            var h = pass.Rent(x.Rows, inner);
            pass.ForRows(x.Rows, (first, end) =>
            {
                for (var row = first; row < end; row++)
                    _function.Gate(g.Row(row), u.Row(row), h.Row(row));
            });
            pass.Tape?.Push(g);
            pass.Tape?.Push(u);
            return h;
        }

        using var both = _up.Forward(pass, x);
        if (!_spec.GateInUp)
            return _function.Forward(pass, both);
        var gated = pass.Rent(x.Rows, inner);
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
                _function.Gate(both.Row(row)[..inner], both.Row(row)[inner..], gated.Row(row));
        });
        pass.Tape?.Push(both);
        return gated;
    }
}
