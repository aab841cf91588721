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

    /// <summary>
    /// x = share · before(x) + scale · attention(before(x)), then the same with the feed-forward part: the stream is normalised too.
    /// </summary>
    NormOfStream,
}

/// <summary>One transformer layer.</summary>
internal sealed record LayerSpec
{
    /// <summary>The order of norms and additions.</summary>
    public ResidualLayout Layout { get; init; }

    /// <summary>Norm before the attention.</summary>
    public NormSpec? AttentionNorm { get; init; }

    /// <summary>The attention, or another mixer of positions.</summary>
    public required MixerSpec Attention { get; init; }

    /// <summary>Norm after the attention.</summary>
    public NormSpec? AttentionOutputNorm { get; init; }

    /// <summary>Norm before the feed-forward part; null in a parallel layer means that it shares <see cref="AttentionNorm"/>.</summary>
    public NormSpec? FeedForwardNorm { get; init; }

    /// <summary>The feed-forward part.</summary>
    public required FeedForwardSpec FeedForward { get; init; }

    /// <summary>Norm after the feed-forward part.</summary>
    public NormSpec? FeedForwardOutputNorm { get; init; }

    /// <summary>Multiplies the attention's result before it is added.</summary>
    public float AttentionFactor { get; init; } = 1;

    /// <summary>Multiplies the feed-forward part's result before it is added.</summary>
    public float FeedForwardFactor { get; init; } = 1;

    /// <summary>Multiplies what the attention's result is added to.</summary>
    public float AttentionStreamFactor { get; init; } = 1;

    /// <summary>Multiplies what the feed-forward part's result is added to.</summary>
    public float FeedForwardStreamFactor { get; init; } = 1;

    /// <summary>What is added of the token's vector for this layer; null: nothing.</summary>
    public LayerInputSpec? LayerInput { get; init; }

    /// <summary>Name of a constant that multiplies the layer's result; null: nothing does.</summary>
    public string? Scalar { get; init; }

    /// <summary>Runs the layer on one of several residual streams; null: there is one.</summary>
    public AlternatingSpec? Alternating { get; init; }
}
