using MergeTasks.Merging.Devices;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch;

/// <summary>The entry that builds look for.</summary>
internal sealed class DeviceProvider : IDeviceProvider
{
    public ITransformerEngine CreateEngine(DeviceOptions options)
    {
        var library = Path.Combine(options.LibraryFolders.Single(), "libc10.so");
        options.Told?.Invoke(
            $"stand-in device in process {Environment.ProcessId}, libraries {(File.Exists(library) ? "found" : "missing")}, half is {0.5}");
        return new StandInEngine(options);
    }

    public IMatrixDevice CreateMatrixDevice(DeviceOptions options) => new StandInMatrices(options);
}
