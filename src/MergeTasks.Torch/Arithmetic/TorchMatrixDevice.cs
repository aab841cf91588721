using MergeTasks.Numerics.Algebra;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Arithmetic;

/// <summary>Whole matrices computed with on a device by TorchSharp.</summary>
/// <param name="options">The device.</param>
internal sealed class TorchMatrixDevice(DeviceOptions options) : IMatrixDevice
{
    private readonly HashSet<DeviceRefusal> _told = [];

    /// <inheritdoc/>
    public string NumericsVersion => options.MatrixNumericsVersion;

    /// <summary>The search for eigenvalues and eigenvectors; tests put one in its place that does not converge.</summary>
    internal Func<Tensor, (Tensor Values, Tensor Vectors)> Search { get; init; } = symmetric => linalg.eigh(symmetric);

    /// <inheritdoc/>
    public IMatrixArithmetic Begin(CancellationToken cancellation) => new TorchMatrices(options, cancellation) { Search = Search };

    /// <inheritdoc/>
    public void TellThatProcessorMerges(string tensor, DeviceRefusal why)
    {
        lock (_told)
        {
            if (!_told.Add(why))
                return;
        }

        options.Told?.Invoke(why == DeviceRefusal.Memory
            ? $"The device's memory does not hold the matrices that '{tensor}' takes, so it, and others as large, are merged on the "
                + "processor."
            : $"The device's search for the singular vectors of '{tensor}' does not converge, so it, and others like it, are merged on "
                + "the processor.");
    }
}
