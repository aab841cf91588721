using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>One transformer layer in one of the residual layouts.</summary>
internal sealed class DeviceLayer : DeviceStep
{
    private readonly LayerSpec _spec;
    private readonly DeviceNorm? _attentionNorm;
    private readonly DeviceMixer _attention;
    private readonly DeviceNorm? _attentionOutputNorm;
    private readonly DeviceNorm? _feedForwardNorm;
    private readonly DeviceFeedForward _feedForward;
    private readonly DeviceNorm? _feedForwardOutputNorm;
    private readonly DeviceLayerInput? _layerInput;
    private readonly float _scalar;

    /// <summary>Binds the parameters.</summary>
    public DeviceLayer(LayerSpec spec, ModelPart part)
        : base(part)
    {
        _spec = spec;
        _attentionNorm = DeviceNorm.Of(spec.AttentionNorm, part);
        _attention = DeviceMixer.Of(spec.Attention, part);
        _attentionOutputNorm = DeviceNorm.Of(spec.AttentionOutputNorm, part);
        _feedForwardNorm = DeviceNorm.Of(spec.FeedForwardNorm, part);
        _feedForward = DeviceFeedForward.Of(spec.FeedForward, part);
        _feedForwardOutputNorm = DeviceNorm.Of(spec.FeedForwardOutputNorm, part);
        _layerInput = spec.LayerInput is null ? null : new DeviceLayerInput(spec.LayerInput, part);
        _scalar = spec.Scalar is null ? 1 : part.Constant(spec.Scalar, 1L)[0];
    }

    /// <summary>A layer, of one or several residual streams.</summary>
    public static DeviceStep Of(LayerSpec spec, ModelPart part) =>
        spec.Alternating is null ? new DeviceLayer(spec, part) : new DeviceAlternatingLayer(spec, part);

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x)
    {
        var y = Parts(pass, x);
        if (_layerInput is not null)
            y = y + _layerInput.Forward(pass, y);
        return Scaled(y, _scalar);
    }

    private Tensor Parts(DevicePass pass, Tensor x)
    {
        if (_spec.Layout == ResidualLayout.Parallel)
        {
            var first = _attentionNorm?.Forward(pass, x) ?? x;
            var attended = _attention.Forward(pass, first);
            return attended + _feedForward.Forward(pass, _feedForwardNorm?.Forward(pass, x) ?? first) + x;
        }

        var middle = Around(
            pass,
            x,
            _attentionNorm,
            _attentionOutputNorm,
            (_spec.AttentionStreamFactor, _spec.AttentionFactor),
            input => _attention.Forward(pass, input));
        return Around(
            pass,
            middle,
            _feedForwardNorm,
            _feedForwardOutputNorm,
            (_spec.FeedForwardStreamFactor, _spec.FeedForwardFactor),
            input => _feedForward.Forward(pass, input));
    }

    private Tensor Around(
        DevicePass pass, Tensor x, DeviceNorm? before, DeviceNorm? after, (float Stream, float Part) factors, Func<Tensor, Tensor> part)
    {
        var input = before?.Forward(pass, x) ?? x;
        var y = part(input);
        var stream = Scaled(_spec.Layout == ResidualLayout.NormOfStream ? input : x, factors.Stream);
        if (_spec.Layout == ResidualLayout.NormAfterAddition)
            return after?.Forward(pass, Scaled(y, factors.Part) + stream) ?? Scaled(y, factors.Part) + stream;
        return Scaled(after?.Forward(pass, y) ?? y, factors.Part) + stream;
    }

    private static Tensor Scaled(Tensor x, float factor) => factor == 1 ? x : x * factor;
}
