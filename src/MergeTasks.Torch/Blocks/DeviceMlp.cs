using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;

namespace MergeTasks.Torch.Blocks;

/// <summary>down(f(up(x))), or with a gate down(f(gate(x)) · up(x)).</summary>
internal sealed class DeviceMlp : DeviceFeedForward
{
    private readonly MlpSpec _spec;
    private readonly DeviceLinear? _gate;
    private readonly DeviceLinear _up;
    private readonly DeviceLinear _down;
    private readonly DeviceParameter? _positive;
    private readonly DeviceParameter? _negative;
    private readonly float _beta;
    private readonly float _epsilon;
    private readonly string[] _entryNames;
    private readonly string[] _downName;

    /// <summary>Binds the parameters.</summary>
    public DeviceMlp(MlpSpec spec, ModelPart part)
    {
        _spec = spec;
        _gate = spec.Gate is null ? null : new DeviceLinear(spec.Gate, part);
        _up = new DeviceLinear(spec.Up, part);
        _down = new DeviceLinear(spec.Down, part);
        if (spec.Learned is { } learned)
        {
            _positive = part.Get(learned.Positive, 1L);
            _negative = part.Get(learned.Negative, 1L);
            _beta = part.Constant(learned.Beta)[0];
            _epsilon = part.Constant(learned.Epsilon)[0];
        }

        _entryNames = _gate is null ? [_up.Name] : [_gate.Name, _up.Name];
        _downName = [_down.Name];
    }

    /// <summary>The stacks that hold the parameters.</summary>
    public IEnumerable<DeviceParameter> Stacks => _up.Stacks.Concat(_down.Stacks);

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x, Func<int[]>? rowsOf = null) =>
        Forward(pass, x, (names, input) => pass.Observe(names, input, rowsOf));

    /// <summary>Computes the result for each row.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="x">The rows.</param>
    /// <param name="show">Shows modules' inputs.</param>
    public Tensor Forward(DevicePass pass, Tensor x, Action<string[], Tensor> show)
    {
        using var scope = NewDisposeScope();
        show(_entryNames, x);
        var h = Inner(pass, x);
        show(_downName, h);
        return _down.Forward(pass, h).MoveToOuterDisposeScope();
    }

    private Tensor Inner(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        var up = _up.Forward(pass, x);
        var inner = _spec.Down.Inputs;
        var h = _gate is not null ? Gated(Sparse(_gate.Forward(pass, x)), up) : _spec.GateInUp switch
        {
            GatePlace.FirstHalf => Gated(up.narrow(1, 0, inner), up.narrow(1, inner, inner)),
            GatePlace.EvenOutputs => Gated(up.reshape(up.shape[0], inner, 2).select(2, 0), up.reshape(up.shape[0], inner, 2).select(2, 1)),
            _ => _spec.Learned is null ? DeviceFunctions.Apply(_spec.Activation, up) : Learned(up),
        };
        return h.MoveToOuterDisposeScope();
    }

    private Tensor Gated(Tensor gate, Tensor up)
    {
        if (_spec.Clamped is not { } clamped)
            return DeviceFunctions.Apply(_spec.Activation, gate) * up;
        var limited = gate.clamp(max: clamped.Limit);
        return (up.clamp(-clamped.Limit, clamped.Limit) + 1) * limited * (clamped.Alpha * limited).sigmoid();
    }

    private Tensor Sparse(Tensor gate)
    {
        if (_spec.GateSparsity <= 0)
            return gate;
        var mean = gate.mean([-1], keepdim: true);
        var deviation = ((gate - mean) * (gate - mean)).mean([-1], keepdim: true).sqrt();
        return (gate - mean - deviation * SparseGate.Quantile(_spec.GateSparsity)).relu();
    }

    // Each side by itself, the other one set to 0, so that no side's overflow reaches the other one's gradient.
    private Tensor Learned(Tensor x)
    {
        var positive = DeviceFunctions.Softplus(_positive!.Value);
        var negative = _beta + DeviceFunctions.Softplus(_negative!.Value);
        var (above, below) = (x.relu(), -(-x).relu());
        return positive * above * above
            + negative * (below.clamp(max: _epsilon).exp() - 1 - below) * (x <= 0).to_type(ScalarType.Float32)
            + _beta * x;
    }
}
