namespace MergeTasks.Methods.Contract;

/// <summary>
/// What a method must know of the whole model before it merges the first tensor: rounds over all tensors of the output that gather numbers.
/// The numbers must not depend on the order of tensors and blocks.
/// </summary>
internal abstract class ModelSurvey
{
    /// <summary>Starts the next round.</summary>
    /// <returns><see langword="false"/>: everything is known.</returns>
    public abstract bool BeginRound();

    /// <summary>Begins a tensor's part of the round: its passes are run, nothing is merged.</summary>
    public abstract TensorMerge Begin(TensorContext context);

    /// <summary>Ends a round.</summary>
    public abstract void EndRound();
}
