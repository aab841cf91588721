using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>norm(attention(x)) + x + norm(R L x), see <see cref="LaurelSpec"/>.</summary>
internal sealed class DeviceLaurel(LaurelSpec spec, ModelPart part) : DeviceMixer
{
    private readonly DeviceAttention _attention = new(spec.Attention, part);
    private readonly DeviceNorm _attentionNorm = new(spec.AttentionNorm, part);
    private readonly DeviceLinear _left = new(spec.Left, part);
    private readonly DeviceLinear _right = new(spec.Right, part);
    private readonly DeviceNorm _norm = new(spec.Norm, part);

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        var attended = _attentionNorm.Forward(pass, _attention.Forward(pass, x));
        pass.Observe([_left.Name], x);
        var low = _left.Forward(pass, x);
        pass.Observe([_right.Name], low);
        return (attended + x + _norm.Forward(pass, _right.Forward(pass, low))).MoveToOuterDisposeScope();
    }
}
