using MergeTasks.Merging.Devices;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Torch.Arithmetic;
using MergeTasks.Torch.Libraries;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch;

/// <summary>The entry that builds load by name.</summary>
internal sealed class DeviceProvider : IDeviceProvider
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
