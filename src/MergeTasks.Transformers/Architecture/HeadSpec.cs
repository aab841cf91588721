namespace MergeTasks.Transformers.Architecture;

/// <summary>How the last layer's vectors become scores.</summary>
internal sealed record HeadSpec
{
    /// <summary>From several residual streams to one, before <see cref="Norm"/>; null: there is one.</summary>
    public StreamMapsSpec? Streams { get; init; }

    /// <summary>Norm of the last layer's result.</summary>
    public NormSpec? Norm { get; init; }

    /// <summary>Whether only a sequence's first token is scored (classification).</summary>
    public bool FirstTokenOnly { get; init; }

    /// <summary>
    /// Whether what is scored of a sequence is the mean over its tokens, after <see cref="Norm"/>, and not its first token.
    /// </summary>
    public bool PoolsMean { get; init; }

    /// <summary>A matrix before the output; null: none.</summary>
    public LinearSpec? Dense { get; init; }

    /// <summary>Follows <see cref="Dense"/>.</summary>
    public ActivationKind DenseActivation { get; init; }

    /// <summary>Follows <see cref="DenseActivation"/>.</summary>
    public NormSpec? DenseNorm { get; init; }

    /// <summary>One output per token of the vocabulary, or per label.</summary>
    public required LinearSpec Output { get; init; }

    /// <summary>Multiplies the scores.</summary>
    public double ScoreFactor { get; init; } = 1;

    /// <summary>Scores become cap · tanh(score / cap); null: they stay.</summary>
    public double? ScoreCap { get; init; }
}
