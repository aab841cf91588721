using MergeTasks.Merging.Devices;
using MergeTasks.Merging.Numerics;
using MergeTasks.Transformers;

namespace MergeTasks.Torch;

/// <summary>The entry that builds load by name.</summary>
public sealed class DeviceProvider : IDeviceProvider
{
    /// <inheritdoc/>
    public ITransformerEngine CreateEngine(DeviceOptions options)
    {
        TorchLibraries.Load(options);
        return new TorchEngine(options);
    }

    /// <inheritdoc/>
    public IMatrixDevice CreateMatrixDevice(DeviceOptions options)
    {
        TorchLibraries.Load(options);
        return new TorchMatrixDevice(options);
    }
}
