namespace MergeTasks.Merging.Methods;

/// <summary>Why a tensor cannot be merged.</summary>
public enum TensorMergeProblem
{
    /// <summary>The method has no result for these numbers.</summary>
    Undefined,

    /// <summary>The method needs more memory for the tensor than there can be.</summary>
    TooLarge,
}

/// <summary>A method cannot merge a tensor. Whoever called it knows which tensor of which merge it is.</summary>
/// <param name="problem">What kind of reason.</param>
/// <param name="message">The reason as the tail of a sentence, without a full stop.</param>
public sealed class TensorMergeException(TensorMergeProblem problem, string message) : Exception(message)
{
    /// <summary>What kind of reason.</summary>
    public TensorMergeProblem Problem => problem;
}
