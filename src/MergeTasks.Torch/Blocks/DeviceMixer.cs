using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>The part of a layer that mixes the positions of a sequence.</summary>
internal abstract class DeviceMixer
{
    /// <summary>Binds the parameters.</summary>
    public static DeviceMixer Of(MixerSpec spec, ModelPart part) => spec switch
    {
        AttentionSpec attention => new DeviceAttention(attention, part),
        GatedConvolutionSpec convolution => new DeviceGatedConvolution(convolution, part),
        DisentangledSpec disentangled => new DeviceDisentangledAttention(disentangled, part),
        FadingSpec fading => new DeviceFadingAttention(fading, part),
        LaurelSpec laurel => new DeviceLaurel(laurel, part),
        DeltaSpec delta => new DeviceGatedDelta(delta, part),
        _ => throw new ArgumentOutOfRangeException(nameof(spec), spec, null),
    };

    /// <summary>Mixes within each sequence.</summary>
    public abstract Tensor Forward(DevicePass pass, Tensor x);
}
