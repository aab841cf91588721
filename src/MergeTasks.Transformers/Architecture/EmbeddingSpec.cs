namespace MergeTasks.Transformers.Architecture;

/// <summary>A stored table of position vectors.</summary>
/// <param name="Parameter">The table's name.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="CountedFrom">
/// RoBERTa's rule, where set: tokens other than this id are numbered from this id + 1 on, and the id itself stays at row id.
/// Null: the first token is at row <paramref name="First"/>.
/// </param>
/// <param name="First">The first token's row.</param>
internal sealed record PositionTableSpec(string Parameter, int Rows, int? CountedFrom = null, int First = 0);

/// <summary>How token ids become vectors: scale · token row + position row + type row, then a norm and a projection.</summary>
internal sealed record EmbeddingSpec
{
    /// <summary>Name of the token table.</summary>
    public required string Token { get; init; }

    /// <summary>Rows of the token table.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Channels.</summary>
    public required int Width { get; init; }

    /// <summary>Multiplies token rows.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>Learned positions; null: none.</summary>
    public PositionTableSpec? Positions { get; init; }

    /// <summary>Name and rows of the table of token types; null: none.</summary>
    public (string Parameter, int Rows)? Types { get; init; }

    /// <summary>Norm of the sum.</summary>
    public NormSpec? Norm { get; init; }

    /// <summary>Whether positions of padding become zeros after the norm.</summary>
    public bool ZeroesPadding { get; init; }

    /// <summary>From the tables' width to the layers'; null: they are the same.</summary>
    public LinearSpec? Projection { get; init; }

    /// <summary>Vectors of each token for each layer; null: none.</summary>
    public LayerTableSpec? LayerTable { get; init; }

    /// <summary>To several residual streams, one after the other; null: there is one.</summary>
    public StreamMapsSpec? Streams { get; init; }

    /// <summary>Channels between the layers, of all streams.</summary>
    public int Outputs => (Projection?.Outputs ?? Width) * (Streams?.Count ?? 1);
}
