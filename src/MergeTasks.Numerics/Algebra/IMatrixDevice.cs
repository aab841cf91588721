namespace MergeTasks.Numerics.Algebra;

/// <summary>A place other than the processor's own arithmetic where whole matrices are computed with.</summary>
public interface IMatrixDevice
{
    /// <summary>Part of the keys of what is computed there; other places give other bits.</summary>
    string NumericsVersion { get; }

    /// <summary>Begins the work on one tensor; disposing gives its memory back.</summary>
    /// <param name="cancellation">Ends the work between steps.</param>
    IMatrixArithmetic Begin(CancellationToken cancellation);

    /// <summary>Hears that a tensor does not fit and is merged on the processor.</summary>
    void TellThatMemoryIsShort(string tensor);
}

/// <summary>A device has not enough memory for a tensor's matrices.</summary>
/// <param name="cause">What the device said.</param>
public sealed class DeviceMemoryException(Exception cause) : Exception(cause?.Message, cause);
