namespace MergeTasks.Numerics;

/// <summary>Why a computation has no result.</summary>
internal enum NumericProblem
{
    /// <summary>There is no result for these numbers.</summary>
    Undefined,

    /// <summary>It needs more memory than there can be.</summary>
    TooLarge,
}

/// <summary>A computation has no result. Whoever asked for it knows which tensor of which merge it was for.</summary>
/// <param name="problem">What kind of reason.</param>
/// <param name="message">The reason as the tail of a sentence, without a full stop.</param>
internal sealed class NumericException(NumericProblem problem, string message) : Exception(message)
{
    /// <summary>What kind of reason.</summary>
    public NumericProblem Problem => problem;
}
