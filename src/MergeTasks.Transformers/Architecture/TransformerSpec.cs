namespace MergeTasks.Transformers.Architecture;

/// <summary>Everything that a configuration says about a model's arithmetic: what the families describe and the engine runs.</summary>
internal sealed record TransformerSpec
{
    /// <summary>What the head predicts.</summary>
    public required ModelTask Task { get; init; }

    /// <summary>The input tables.</summary>
    public required EmbeddingSpec Embedding { get; init; }

    /// <summary>The layers, first to last.</summary>
    public required IReadOnlyList<LayerSpec> Layers { get; init; }

    /// <summary>The head.</summary>
    public required HeadSpec Head { get; init; }

    /// <summary>The longest sequence that the model was made for.</summary>
    public required int MaximumPositions { get; init; }

    /// <summary>
    /// The name of the inner model before its parameters' names, such as <c>transformer.</c>, which checkpoints saved without a head lack.
    /// </summary>
    public string InnerPrefix { get; init; } = "";

    /// <summary>
    /// What stands before names in checkpoints in which the language model is a part of another, such as <c>language_model.</c>; it may
    /// also stand after <see cref="InnerPrefix"/>.
    /// </summary>
    public string OuterName { get; init; } = "";

    /// <summary>
    /// Whether layers take more of what came before them than their input, so that a run cannot go on from a layer's input alone.
    /// </summary>
    public bool Carries => Embedding.LayerTable is not null || Layers.Any(layer =>
        layer.Attention is AttentionSpec { Takes: not null } or LaurelSpec { Attention.Takes: not null });

    /// <summary>Label names of a classifier, in index order.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];
}
