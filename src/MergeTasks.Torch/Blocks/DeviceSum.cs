using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>Parts that see the same rows, whose results are added up; see <see cref="SumSpec"/>.</summary>
internal sealed class DeviceSum(SumSpec spec, ModelPart part) : DeviceFeedForward
{
    private readonly (DeviceNorm? Before, DeviceFeedForward Part, DeviceNorm? After)[] _branches =
        [.. spec.Branches.Select(branch => (DeviceNorm.Of(branch.Before, part), Of(branch.Part, part), DeviceNorm.Of(branch.After, part)))];

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x, Func<int[]>? rowsOf = null)
    {
        using var scope = NewDisposeScope();
        Tensor? sum = null;
        foreach (var (before, own, after) in _branches)
        {
            var y = own.Forward(pass, before?.Forward(pass, x, rowsOf) ?? x, rowsOf);
            y = after?.Forward(pass, y, rowsOf) ?? y;
            sum = sum is null ? y : sum + y;
        }

        return sum!.MoveToOuterDisposeScope();
    }
}
