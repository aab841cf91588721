using MergeTasks.Numerics.Algebra;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Arithmetic;

/// <summary>Whole matrices computed with on a device by TorchSharp.</summary>
/// <param name="options">The device.</param>
public sealed class TorchMatrixDevice(DeviceOptions options) : IMatrixDevice
{
    private int _told;

    /// <inheritdoc/>
    public string NumericsVersion => options.MatrixNumericsVersion;

    /// <inheritdoc/>
    public IMatrixArithmetic Begin(CancellationToken cancellation) => new TorchMatrices(options, cancellation);

    /// <inheritdoc/>
    public void TellThatMemoryIsShort(string tensor)
    {
        if (Interlocked.Exchange(ref _told, 1) == 0)
            options.Told?.Invoke($"The device's memory does not hold the matrices that '{tensor}' takes, so it, and others as large, are merged on the processor.");
    }
}
