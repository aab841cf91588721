using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Gguf.Writing;

/// <summary>A checkpoint's weights, read in any order and from several threads at once.</summary>
internal interface IWeights
{
    /// <summary>Element type of a tensor.</summary>
    DType DTypeOf(string tensor);

    /// <summary>Reads bytes of a tensor.</summary>
    /// <param name="tensor">Its name.</param>
    /// <param name="start">First byte of its data.</param>
    /// <param name="destination">Filled completely.</param>
    void Read(string tensor, long start, Span<byte> destination);
}
