using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Merging.Inputs;

/// <summary>
/// The elements of one tensor that goes into a merge: stored in a file, or computed from several tensors as they are read. Any number of
/// threads may read at once, each with a reader of its own; every reader gives the same elements however they are asked for.
/// </summary>
internal abstract class TensorContent
{
    /// <summary>The type in which elements are exact: the stored one, or <see cref="DType.F32"/> where they are computed.</summary>
    public abstract DType DType { get; }

    /// <summary>Where the elements lie, byte for byte; <see langword="null"/> where they are computed.</summary>
    public virtual StoredTensor? Stored => null;

    /// <summary>Begins reading on one thread.</summary>
    /// <param name="memory">Memory of this thread that the reader may use until another reader is given it.</param>
    public abstract TensorReader NewReader(WindowMemory memory);
}
