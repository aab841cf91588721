using MergeTasks.Torch.Engine;

namespace MergeTasks.Torch.Blocks;

/// <summary>A part of a model that turns rows into as many rows of the same width, sequence by sequence.</summary>
internal abstract class DeviceStep(ModelPart part)
{
    /// <summary>The parameters.</summary>
    public ModelPart Part => part;

    /// <summary>The result.</summary>
    public abstract Tensor Forward(DevicePass pass, Tensor x);
}
