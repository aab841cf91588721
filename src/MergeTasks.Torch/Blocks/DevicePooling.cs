using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>
/// What comes before the classifier of a whole sequence where it has a norm: the norm of all positions, and perhaps their mean, written to
/// every position, of which the classifier takes the first.
/// </summary>
internal sealed class DevicePooling : DeviceStep
{
    private readonly DeviceNorm _norm;
    private readonly bool _isMean;

    /// <summary>Binds the parameters.</summary>
    public DevicePooling(HeadSpec spec, ModelPart part)
        : base(part)
    {
        _norm = new DeviceNorm(spec.Norm!, part);
        _isMean = spec.PoolsMean;
    }

    /// <summary>Whether a head needs this step.</summary>
    public static bool IsNeeded(HeadSpec spec) => spec.FirstTokenOnly && spec.Norm is not null;

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        var y = _norm.Forward(pass, x);
        if (!_isMean)
            return y.MoveToOuterDisposeScope();
        var padded = pass.Piece.Padded(y.unsqueeze(1));
        var means = (padded * pass.Piece.Shares()).sum(2, true).expand(padded.shape);
        return pass.Piece.Packed(means).MoveToOuterDisposeScope();
    }
}
