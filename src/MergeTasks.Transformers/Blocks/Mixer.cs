using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>The part of a layer that mixes the positions of a sequence.</summary>
internal abstract class Mixer
{
    /// <summary>The modules, in the order of computation.</summary>
    public abstract IEnumerable<ModuleDescription> Modules { get; }

    /// <summary>Binds the parameters.</summary>
    public static Mixer Of(MixerSpec spec, ParameterSet parameters) => spec switch
    {
        AttentionSpec attention => new Attention(attention, parameters),
        GatedConvolutionSpec convolution => new GatedConvolution(convolution, parameters),
        DisentangledSpec disentangled => new DisentangledAttention(disentangled, parameters),
        FadingSpec fading => new FadingAttention(fading, parameters),
        LaurelSpec laurel => new Laurel(laurel, parameters),
        DeltaSpec delta => new GatedDelta(delta, parameters),
        _ => throw new ArgumentOutOfRangeException(nameof(spec), spec, null),
    };

    /// <summary>Mixes within each sequence.</summary>
    public abstract Activation Forward(Pass pass, Activation x);

    /// <summary>Hands out the parameters' gradients and returns that of x.</summary>
    public abstract Activation Backward(Pass pass, Activation dy);
}
