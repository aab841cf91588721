using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>One transformer layer in one of the three residual layouts.</summary>
internal sealed class DeviceLayer
{
    private readonly ResidualLayout _layout;
    private readonly DeviceNorm? _attentionNorm;
    private readonly DeviceAttention _attention;
    private readonly DeviceNorm? _attentionOutputNorm;
    private readonly DeviceNorm? _feedForwardNorm;
    private readonly DeviceFeedForward _feedForward;
    private readonly DeviceNorm? _feedForwardOutputNorm;

    /// <summary>Binds the parameters.</summary>
    public DeviceLayer(LayerSpec spec, ModelPart part)
    {
        Part = part;
        _layout = spec.Layout;
        _attentionNorm = DeviceNorm.Of(spec.AttentionNorm, part);
        _attention = new DeviceAttention(spec.Attention, part);
        _attentionOutputNorm = DeviceNorm.Of(spec.AttentionOutputNorm, part);
        _feedForwardNorm = DeviceNorm.Of(spec.FeedForwardNorm, part);
        _feedForward = DeviceFeedForward.Of(spec.FeedForward, part);
        _feedForwardOutputNorm = DeviceNorm.Of(spec.FeedForwardOutputNorm, part);
    }

    /// <summary>The parameters.</summary>
    public ModelPart Part { get; }

    /// <summary>The layer's result.</summary>
    public Tensor Forward(DevicePass pass, Tensor x)
    {
        if (_layout == ResidualLayout.Parallel)
        {
            var first = _attentionNorm?.Forward(pass, x) ?? x;
            var attended = _attention.Forward(pass, first);
            return attended + _feedForward.Forward(pass, _feedForwardNorm?.Forward(pass, x) ?? first) + x;
        }

        var middle = Around(pass, x, _attentionNorm, _attentionOutputNorm, input => _attention.Forward(pass, input));
        return Around(pass, middle, _feedForwardNorm, _feedForwardOutputNorm, input => _feedForward.Forward(pass, input));
    }

    private Tensor Around(DevicePass pass, Tensor x, DeviceNorm? before, DeviceNorm? after, Func<Tensor, Tensor> part)
    {
        var y = part(before?.Forward(pass, x) ?? x);
        if (_layout == ResidualLayout.NormAfterAddition)
            return after?.Forward(pass, y + x) ?? y + x;
        return (after?.Forward(pass, y) ?? y) + x;
    }
}
