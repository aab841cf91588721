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
    private readonly LearnedActivation? _learned;
    private readonly SparseGate? _sparse;
    private readonly string[] _entryNames;
    private readonly string[] _downName;

    /// <summary>Binds the parameters.</summary>
    public Mlp(MlpSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _gate = spec.Gate is null ? null : new Linear(spec.Gate, parameters);
        _up = new Linear(spec.Up, parameters);
        _learned = spec.Learned is null ? null : new LearnedActivation(spec.Learned, parameters);
        _sparse = spec.GateSparsity > 0 ? new SparseGate(spec.GateSparsity) : null;
        _down = new Linear(spec.Down, parameters);
        _function = spec.Clamped is { } clamped ? new ClampedGate(clamped) : ActivationFunction.Of(spec.Activation);
        _entryNames = _gate is null ? [_up.Name] : [_gate.Name, _up.Name];
        _downName = [_down.Name];
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules => _gate is null
        ? [_up.Description, _down.Description]
        : [_gate.Description, _up.Description, _down.Description];

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x, int[] batchRows) => Forward(pass, x, batchRows, null);

    /// <summary>As <see cref="Forward(Pass, Activation, int[])"/>.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="x">The rows.</param>
    /// <param name="batchRows">The batch row of each.</param>
    /// <param name="show">Shows modules' inputs in place of the run itself; null: the run does.</param>
    public Activation Forward(Pass pass, Activation x, int[] batchRows, Action<string[], Activation>? show)
    {
        show ??= (names, input) => pass.Observe(names, input, batchRows);
        show(_entryNames, x);
        using var h = Inner(pass, x);
        show(_downName, h);
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
            _sparse?.Backward(pass, dg);
            _gate.Backward(pass, dg, dx, accumulate: true);
        }
        else if (_spec.GateInUp != GatePlace.None)
        {
            using var both = pass.Tape!.Pop();
            using var gradient = pass.Rent(both.Rows, both.Channels);
            pass.ForRows(dh.Rows, (first, end) =>
            {
                for (var row = first; row < end; row++)
                    UndoGate(both.Row(row), dh.Row(row), gradient.Row(row));
            });
            _up.Backward(pass, gradient, dx, accumulate: false);
        }
        else
        {
            if (_learned is not null)
                _learned.Backward(pass, dh);
            else
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
            using var raw = _gate.Forward(pass, x);
            using var g = _sparse?.Forward(pass, raw) ?? raw.Share();
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
        if (_spec.GateInUp == GatePlace.None)
            return _learned?.Forward(pass, both) ?? _function.Forward(pass, both);
        var gated = pass.Rent(x.Rows, inner);
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
                Gate(both.Row(row), gated.Row(row));
        });
        pass.Tape?.Push(both);
        return gated;
    }

    private void Gate(ReadOnlySpan<float> both, Span<float> h)
    {
        if (_spec.GateInUp == GatePlace.FirstHalf)
        {
            _function.Gate(both[..h.Length], both[h.Length..], h);
            return;
        }

        var (g, u) = (EveryOther(both, 0), EveryOther(both, 1));
        _function.Gate(g, u, h);
    }

    private void UndoGate(ReadOnlySpan<float> both, Span<float> dh, Span<float> gradient)
    {
        var inner = dh.Length;
        if (_spec.GateInUp == GatePlace.FirstHalf)
        {
            _function.GateBackward(both[..inner], both[inner..], dh, gradient[..inner], gradient[inner..]);
            return;
        }

        var (g, u) = (EveryOther(both, 0), EveryOther(both, 1));
        _function.GateBackward(g, u, dh, g, u);
        for (var i = 0; i < inner; i++)
            (gradient[2 * i], gradient[2 * i + 1]) = (g[i], u[i]);
    }

    private static float[] EveryOther(ReadOnlySpan<float> values, int first)
    {
        var own = new float[values.Length / 2];
        for (var i = 0; i < own.Length; i++)
            own[i] = values[2 * i + first];
        return own;
    }
}
