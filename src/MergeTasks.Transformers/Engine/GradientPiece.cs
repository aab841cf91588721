namespace MergeTasks.Transformers.Engine;

/// <summary>Final gradient values of some whole rows of one parameter.</summary>
internal readonly ref struct GradientPiece
{
    /// <summary>The parameter's name in the checkpoint.</summary>
    public required string Parameter { get; init; }

    /// <summary>The parameter's whole shape.</summary>
    public required IReadOnlyList<long> Shape { get; init; }

    /// <summary>The first row (index of the first dimension) that the values belong to.</summary>
    public required long FirstRow { get; init; }

    /// <summary>The gradient of the rows from <see cref="FirstRow"/> on, row-major; valid during the call only.</summary>
    public required ReadOnlySpan<float> Values { get; init; }
}

/// <summary>
/// Takes gradients as they become final, so that a parameter's gradient can be reduced to what is needed and dropped. Pieces of one
/// parameter come in ascending order and cover it once; every parameter of the model comes.
/// </summary>
internal interface IGradientReceiver
{
    /// <summary>Takes one piece; called by one thread at a time.</summary>
    void Receive(in GradientPiece piece);
}
