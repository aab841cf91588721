namespace MergeTasks.Merging.Inputs;

/// <summary>Reads the elements of one tensor as fp32, on one thread.</summary>
internal abstract class TensorReader
{
    /// <summary>Reads elements.</summary>
    /// <param name="start">First element, in row-major order.</param>
    /// <param name="destination">Filled completely.</param>
    /// <param name="until">The calls that follow go on from here up to this element, so that far it is worth reading ahead.</param>
    /// <exception cref="Checkpoints.Elements.CheckpointException">A file cannot be read, or became shorter.</exception>
    public abstract void Read(long start, Span<float> destination, long until);
}
