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

    /// <summary>
    /// Bytes of mapped weights that may stay in memory; of a model with more, each layer's are let go of when it has run, and read again
    /// for the next batch. Default: half of the memory that the process may use.
    /// </summary>
    public long ResidentBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;
}
