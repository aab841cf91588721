using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>The part of a layer that treats every row by itself.</summary>
internal abstract class DeviceFeedForward
{
    /// <summary>Binds the parameters.</summary>
    public static DeviceFeedForward Of(FeedForwardSpec spec, ModelPart part) => spec switch
    {
        MlpSpec mlp => new DeviceMlp(mlp, part),
        SumSpec sum => new DeviceSum(sum, part),
        MixtureSpec mixture => new DeviceMixture(mixture, part),
        _ => throw new ArgumentOutOfRangeException(nameof(spec), spec, null),
    };

    /// <summary>Computes the result for each row.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="x">The rows.</param>
    /// <param name="rowsOf">The batch's row of each; null: the piece's rows.</param>
    public abstract Tensor Forward(DevicePass pass, Tensor x, Func<int[]>? rowsOf = null);
}
