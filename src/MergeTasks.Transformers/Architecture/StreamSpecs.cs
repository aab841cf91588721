namespace MergeTasks.Transformers.Architecture;

/// <summary>
/// Between one residual stream and several (Gemma 3n): each stream but the first is a matrix's product, brought to the first one's root
/// mean square. As a head, the mean over all of them.
/// </summary>
/// <param name="Maps">The matrices, one for each stream but the first.</param>
internal sealed record StreamMapsSpec(IReadOnlyList<LinearSpec> Maps)
{
    /// <summary>The smallest mean square that a product is taken to have.</summary>
    public const float SmallestSquare = 1e-5f;

    /// <summary>Number of streams.</summary>
    public int Count => Maps.Count + 1;
}

/// <summary>
/// Alternating updates (AltUp, arXiv 2301.13310): a layer sees one of several residual streams. What all become is predicted before it from
/// all of them, and corrected after it by what came of the one: h̃ⱼ = hⱼ + Σᵢ p(h)ⱼᵢ hᵢ, then h′ⱼ = h̃ⱼ + (c(y)ⱼ + 1) (y − h̃ₐ).
/// The factors p and c are matrices' products with tanh(R · norm(h) / width) of the one.
/// </summary>
internal sealed record AlternatingSpec
{
    /// <summary>Number of streams.</summary>
    public required int Streams { get; init; }

    /// <summary>The one that the layer sees.</summary>
    public required int Active { get; init; }

    /// <summary>Channels of one stream.</summary>
    public required int Width { get; init; }

    /// <summary>Before <see cref="Router"/>.</summary>
    public required NormSpec RouterNorm { get; init; }

    /// <summary>To one number for each stream.</summary>
    public required LinearSpec Router { get; init; }

    /// <summary>From these to p, row by row.</summary>
    public required LinearSpec Prediction { get; init; }

    /// <summary>From these to c.</summary>
    public required LinearSpec Correction { get; init; }

    /// <summary>Name of what multiplies the corrected active stream before <see cref="LayerInputSpec"/>; null: nothing does.</summary>
    public string? OutputScale { get; init; }
}

/// <summary>A vector of each token for each layer (Gemma 3n's per-layer embeddings): (norm(P · x / √width) + √channels · row) / √2.</summary>
/// <param name="Table">Name of the table; a row holds all layers' vectors.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Layers">Number of layers.</param>
/// <param name="Channels">Channels of a layer's vector.</param>
/// <param name="Projection">The matrix P, from the embedding's result to all layers' vectors.</param>
/// <param name="Norm">Of each layer's vector.</param>
internal sealed record LayerTableSpec(string Table, int Rows, int Layers, int Channels, LinearSpec Projection, NormSpec Norm)
{
    /// <summary>The name under which a run carries the vectors from the embedding to the layers.</summary>
    public const string Carried = "per-layer vectors";
}

/// <summary>What a layer adds of its vectors, see <see cref="LayerTableSpec"/>: norm(projection(f(gate(x)) · vector)).</summary>
/// <param name="Gate">From the stream to a vector's channels.</param>
/// <param name="Projection">Back.</param>
/// <param name="Norm">Of the result.</param>
/// <param name="Activation">The function f.</param>
/// <param name="Index">The layer's number.</param>
internal sealed record LayerInputSpec(LinearSpec Gate, LinearSpec Projection, NormSpec Norm, ActivationKind Activation, int Index);
