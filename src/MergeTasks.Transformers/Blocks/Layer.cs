using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>One transformer layer.</summary>
internal abstract class Layer
{
    /// <summary>The modules, in the order of computation.</summary>
    public abstract IEnumerable<ModuleDescription> Modules { get; }

    /// <summary>Binds the parameters.</summary>
    public static Layer Of(LayerSpec spec, ParameterSet parameters) =>
        spec.Alternating is null ? new ResidualLayer(spec, parameters) : new AlternatingLayer(spec, parameters);

    /// <summary>The layer's result.</summary>
    public abstract Activation Forward(Pass pass, Activation x);

    /// <summary>Hands out the parameters' gradients and returns that of the layer's input.</summary>
    public abstract Activation Backward(Pass pass, Activation dy);
}
