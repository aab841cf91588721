using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Execution;

/// <summary>An input tensor has an element that is NaN or infinite, and nothing allows it.</summary>
/// <param name="source">The input.</param>
/// <param name="element">The first such element's flat index.</param>
/// <param name="value">What it is in fp32.</param>
internal sealed class NonFiniteException(TensorSource source, long element, float value) : Exception
{
    public TensorSource Input => source;

    public long Element => element;

    public float Value => value;
}
