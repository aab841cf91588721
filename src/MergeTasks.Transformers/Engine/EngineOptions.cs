namespace MergeTasks.Transformers.Engine;

/// <summary>How much of the machine the CPU engine may use. No setting changes a result.</summary>
internal sealed record EngineOptions
{
    /// <summary>Most threads; default: one per processor.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>
    /// Bytes of activations that a backward pass may keep instead of computing them again; default 512 MiB. The layers' inputs and one
    /// layer's activations are needed in any case.
    /// </summary>
    public long KeptBytes { get; init; } = 512L << 20;
}
