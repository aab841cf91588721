using MergeTasks.Language.Diagnostics;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Merging.Devices;

/// <summary>
/// A device for whole matrices whose version is known, so that it can be planned for, and that is only loaded when a tensor is merged
/// there.
/// </summary>
/// <param name="version">Its <see cref="IMatrixDevice.NumericsVersion"/>.</param>
/// <param name="create">Loads it.</param>
internal sealed class DeferredMatrixDevice(string version, Func<IMatrixDevice> create) : IMatrixDevice
{
    private readonly Lazy<IMatrixDevice> _device = new(() =>
    {
        var device = create();

        // Tensors under another arithmetic's key would be believed for good.
        return device.NumericsVersion == version ? device
            : throw new InvalidOperationException(
                $"The device calls its arithmetic '{device.NumericsVersion}', and it was planned for '{version}'.");
    });

    /// <inheritdoc/>
    public string NumericsVersion => version;

    /// <inheritdoc/>
    /// <exception cref="DiagnosticException"><see cref="DiagnosticCode.DeviceLibraries"/>: the device's libraries cannot be
    /// used.</exception>
    public IMatrixArithmetic Begin(CancellationToken cancellation)
    {
        try
        {
            return _device.Value.Begin(cancellation);
        }
        catch (ModelException e)
        {
            throw new DiagnosticException(DiagnosticCode.DeviceLibraries, e.Message, null);
        }
    }

    /// <inheritdoc/>
    public void TellThatProcessorMerges(string tensor, DeviceRefusal why) => _device.Value.TellThatProcessorMerges(tensor, why);
}
