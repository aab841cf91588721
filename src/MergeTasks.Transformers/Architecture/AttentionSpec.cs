namespace MergeTasks.Transformers.Architecture;

/// <summary>Where the heads of queries, keys or values lie among the output channels of the projections.</summary>
/// <param name="Projection">Index into <see cref="AttentionSpec.Projections"/>.</param>
/// <param name="Offset">First channel of head 0.</param>
/// <param name="Stride">Channels from one head to the next.</param>
internal readonly record struct HeadChannels(int Projection, int Offset, int Stride);

/// <summary>Which values one normalisation of queries or keys spans.</summary>
internal enum HeadNormScope
{
    /// <summary>All heads of a token at once, before they are split.</summary>
    AllHeads,

    /// <summary>Each head by itself, one weight for all heads.</summary>
    EachHead,

    /// <summary>Each head by itself, with a module <c>name.norms.h</c> for each.</summary>
    EachHeadOwnWeight,
}

/// <summary>A normalisation of queries or keys.</summary>
internal sealed record HeadNormSpec(NormSpec Norm, HeadNormScope Scope);

/// <summary>Multi-head attention with grouped keys and values: several query heads may share a key and value head.</summary>
internal sealed record AttentionSpec
{
    /// <summary>The input projections: three, or one that holds queries, keys and values.</summary>
    public required IReadOnlyList<LinearSpec> Projections { get; init; }

    /// <summary>Where the queries lie.</summary>
    public required HeadChannels Query { get; init; }

    /// <summary>Where the keys lie.</summary>
    public required HeadChannels Key { get; init; }

    /// <summary>Where the values lie.</summary>
    public required HeadChannels Value { get; init; }

    /// <summary>The projection of all heads' results.</summary>
    public required LinearSpec Output { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Channels of one head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Multiplies the scores: 1/√head size in most families.</summary>
    public required double Scale { get; init; }

    /// <summary>Whether a token sees only itself and those before it.</summary>
    public bool Causal { get; init; } = true;

    /// <summary>How many tokens a token sees, itself included; null: all.</summary>
    public int? Window { get; init; }

    /// <summary>Scores become cap · tanh(score / cap); null: they stay (Gemma 2, arXiv 2408.00118).</summary>
    public double? ScoreCap { get; init; }

    /// <summary>Projected values are clamped to ± this; null: they are not (OLMo).</summary>
    public double? Clip { get; init; }

    /// <summary>Rotary position encoding; null: none.</summary>
    public RopeSpec? Rope { get; init; }

    /// <summary>Normalises queries before rotation.</summary>
    public HeadNormSpec? QueryNorm { get; init; }

    /// <summary>Normalises keys before rotation.</summary>
    public HeadNormSpec? KeyNorm { get; init; }
}
