namespace MergeTasks.Transformers.Architecture;

/// <summary>How a layer adds its two parts to the residual stream x.</summary>
internal enum ResidualLayout
{
    /// <summary>x += after(attention(before(x))), then x += after(feed-forward(before(x))).</summary>
    Sequential,

    /// <summary>x += attention(before(x)) + feed-forward(before(x)), both from the same x.</summary>
    Parallel,

    /// <summary>x = after(x + attention(x)), then x = after(x + feed-forward(x)).</summary>
    NormAfterAddition,
}

/// <summary>One transformer layer.</summary>
internal sealed record LayerSpec
{
    /// <summary>The order of norms and additions.</summary>
    public ResidualLayout Layout { get; init; }

    /// <summary>Norm before the attention.</summary>
    public NormSpec? AttentionNorm { get; init; }

    /// <summary>The attention.</summary>
    public required AttentionSpec Attention { get; init; }

    /// <summary>Norm after the attention.</summary>
    public NormSpec? AttentionOutputNorm { get; init; }

    /// <summary>Norm before the feed-forward part; null in a parallel layer means that it shares <see cref="AttentionNorm"/>.</summary>
    public NormSpec? FeedForwardNorm { get; init; }

    /// <summary>The feed-forward part.</summary>
    public required FeedForwardSpec FeedForward { get; init; }

    /// <summary>Norm after the feed-forward part.</summary>
    public NormSpec? FeedForwardOutputNorm { get; init; }
}
