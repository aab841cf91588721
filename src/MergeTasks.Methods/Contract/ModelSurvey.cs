namespace MergeTasks.Methods.Contract;

/// <summary>
/// What a method must know of the whole model before it merges the first tensor: rounds over all tensors of the output that gather numbers.
/// The numbers must not depend on the order of tensors and blocks.
/// </summary>
internal abstract class ModelSurvey
{
    /// <summary>The rounds; each is run to its end before the next one is asked for.</summary>
    public abstract IEnumerable<SurveyRound> Rounds();
}

/// <summary>One round over all tensors.</summary>
/// <param name="Begin">Begins a tensor's part of the round: its passes are run, nothing is merged.</param>
/// <param name="End">Ends the round.</param>
internal sealed record SurveyRound(Func<TensorContext, TensorMerge> Begin, Action End);
