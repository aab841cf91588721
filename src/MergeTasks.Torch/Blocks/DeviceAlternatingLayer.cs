using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>
/// A layer that sees one of several residual streams, see <see cref="AlternatingSpec"/>. What it adds of its per-layer vectors goes to all
/// streams but the first.
/// </summary>
internal sealed class DeviceAlternatingLayer : DeviceStep
{
    private readonly AlternatingSpec _spec;
    private readonly DeviceLayer _inner;
    private readonly DeviceNorm _routerNorm;
    private readonly DeviceLinear _router;
    private readonly DeviceLinear _prediction;
    private readonly DeviceLinear _correction;
    private readonly DeviceLayerInput _layerInput;
    private readonly DeviceParameter? _scale;

    /// <summary>Binds the parameters.</summary>
    public DeviceAlternatingLayer(LayerSpec spec, ModelPart part)
        : base(part)
    {
        _spec = spec.Alternating!;
        _routerNorm = new DeviceNorm(_spec.RouterNorm, part);
        _router = new DeviceLinear(_spec.Router, part);
        _prediction = new DeviceLinear(_spec.Prediction, part);
        _inner = new DeviceLayer(spec with { LayerInput = null }, part);
        _correction = new DeviceLinear(_spec.Correction, part);
        _scale = _spec.OutputScale is null ? null : part.Get(_spec.OutputScale, _spec.Width);
        _layerInput = new DeviceLayerInput(spec.LayerInput!, part);
    }

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        var (rows, streams) = (x.shape[0], _spec.Streams);
        var all = x.reshape(rows, streams, _spec.Width);
        var factors = Factors(pass, _prediction, all.select(1, _spec.Active)).reshape(rows, streams, streams);
        var predicted = all + factors.matmul(all);
        var active = predicted.select(1, _spec.Active);
        var updated = _inner.Forward(pass, active);
        var corrected = predicted
            + (Factors(pass, _correction, updated) + 1).unsqueeze(2) * (updated - active).unsqueeze(1);
        var own = corrected.select(1, _spec.Active);
        var added = _layerInput.Forward(pass, _scale is null ? own : own * _scale.Value).unsqueeze(1);
        var first = corrected.narrow(1, 0, 1);
        return cat([first, corrected.narrow(1, 1, streams - 1) + added], 1).reshape(x.shape).MoveToOuterDisposeScope();
    }

    private Tensor Factors(DevicePass pass, DeviceLinear matrix, Tensor x)
    {
        var normalised = _routerNorm.Forward(pass, x) / _spec.Width;
        pass.Observe([_router.Name], normalised);
        var routed = _router.Forward(pass, normalised).tanh();
        pass.Observe([matrix.Name], routed);
        return matrix.Forward(pass, routed);
    }
}
