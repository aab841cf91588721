namespace MergeTasks.Transformers.Engine;

/// <summary>One sequence of token ids.</summary>
/// <param name="Ids">The ids, at least one.</param>
internal sealed record TokenSequence(IReadOnlyList<int> Ids)
{
    /// <summary>
    /// Whether each position holds a token (true) or padding (false), for encoders that are to see padding; null: all are tokens.
    /// Sequences of a batch may have different lengths, so padding is never needed.
    /// </summary>
    public IReadOnlyList<bool>? Attended { get; init; }

    /// <summary>Token types (segments) of encoders that have them; null: all 0.</summary>
    public IReadOnlyList<int>? Types { get; init; }
}
