namespace MergeTasks.Transformers.Engine;

/// <summary>What goes into some modules in one run: one row per position (or per position and head, or per routed token).</summary>
internal readonly ref struct ModuleInput
{
    /// <summary>Names of the modules that read these rows: one, or several such as a layer's query, key and value projections.</summary>
    public required IReadOnlyList<string> Modules { get; init; }

    /// <summary>The rows, one after the other; valid during the call only.</summary>
    public required ReadOnlySpan<float> Values { get; init; }

    /// <summary>Channels of a row.</summary>
    public required int Channels { get; init; }

    /// <summary>The row of the batch that each row here comes from.</summary>
    public required ReadOnlySpan<int> BatchRows { get; init; }

    /// <summary>Number of rows.</summary>
    public int Rows => BatchRows.Length;

    /// <summary>One row.</summary>
    public ReadOnlySpan<float> Row(int row) => Values.Slice(row * Channels, Channels);
}

/// <summary>Sees the inputs of every module that owns a weight and is not an embedding, in the order of computation.</summary>
internal interface IActivationObserver
{
    /// <summary>Takes the inputs of some modules; called by one thread at a time.</summary>
    void Observe(in ModuleInput input);
}
