namespace MergeTasks.Numerics.Algebra;

/// <summary>A place other than the processor's own arithmetic where whole matrices are computed with.</summary>
internal interface IMatrixDevice
{
    /// <summary>Part of the keys of what is computed there; other places give other bits.</summary>
    string NumericsVersion { get; }

    /// <summary>Begins the work on one tensor; disposing gives its memory back.</summary>
    /// <param name="cancellation">Ends the work between steps.</param>
    IMatrixArithmetic Begin(CancellationToken cancellation);

    /// <summary>Hears that a tensor is merged on the processor, and why.</summary>
    void TellThatProcessorMerges(string tensor, DeviceRefusal why);
}

/// <summary>Why a device does not compute with a tensor's matrices.</summary>
internal enum DeviceRefusal
{
    /// <summary>Its memory does not hold them.</summary>
    Memory,

    /// <summary>Its search for eigenvectors does not converge, which that of another arithmetic may.</summary>
    Convergence,
}

/// <summary>A device cannot compute with a tensor's matrices, and the processor may.</summary>
/// <param name="why">Why not.</param>
/// <param name="cause">What the device said.</param>
internal sealed class DeviceRefusalException(DeviceRefusal why, Exception cause) : Exception(cause?.Message, cause)
{
    /// <summary>Why not.</summary>
    public DeviceRefusal Why => why;
}
