using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>The part of a layer that treats every row by itself.</summary>
internal abstract class FeedForward
{
    /// <summary>The modules, in the order of computation.</summary>
    public abstract IEnumerable<ModuleDescription> Modules { get; }

    /// <summary>Binds the parameters.</summary>
    public static FeedForward Of(FeedForwardSpec spec, ParameterSet parameters) => spec switch
    {
        MlpSpec mlp => new Mlp(mlp, parameters),
        SumSpec sum => new Sum(sum, parameters),
        MixtureSpec mixture => new Mixture(mixture, parameters),
        _ => throw new ArgumentOutOfRangeException(nameof(spec), spec, null),
    };

    /// <summary>Computes the result for each row.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="x">The rows.</param>
    /// <param name="batchRows">The batch row of each.</param>
    public abstract Activation Forward(Pass pass, Activation x, int[] batchRows);

    /// <summary>Hands out the parameters' gradients and returns that of x.</summary>
    public abstract Activation Backward(Pass pass, Activation dy);
}
