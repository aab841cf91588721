using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using MergeTasks.Merging.Devices;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Engine;

/// <summary>How much memory a device has left, which TorchSharp does not tell; the CUDA driver does.</summary>
internal static unsafe class DeviceMemory
{
    private const double ShareForWeights = 0.7;

    // Phases of one build follow each other in one process, where the library keeps the memory of the first for those after it.
    private static readonly ConcurrentDictionary<int, long> Found = new();

    /// <summary>Bytes that weights may take for good: most of what is free on a CUDA device, no limit on the processor.</summary>
    public static long ForWeights(DeviceOptions options) =>
        options.Kind == DeviceKind.Cuda
            ? Found.GetOrAdd(options.Index, index => Free(index) is { } free ? (long)(free * ShareForWeights) : long.MaxValue)
            : long.MaxValue;

    // Asked of the context that the library uses too, the device's primary one; it stays retained, as the library's own does.
    private static long? Free(int index)
    {
        if (!NativeLibrary.TryLoad(CudaDriver.Library, out var driver))
            return null;
        int device;
        nint context, previous;
        nuint free, total;
        var known = ((delegate* unmanaged<int*, int, int>)Function("cuDeviceGet"))(&device, index) == 0
            && ((delegate* unmanaged<nint*, int, int>)Function("cuDevicePrimaryCtxRetain"))(&context, device) == 0
            && ((delegate* unmanaged<nint, int>)Function("cuCtxPushCurrent_v2"))(context) == 0;
        if (!known)
            return null;
        var answered = ((delegate* unmanaged<nuint*, nuint*, int>)Function("cuMemGetInfo_v2"))(&free, &total) == 0;
        _ = ((delegate* unmanaged<nint*, int>)Function("cuCtxPopCurrent_v2"))(&previous);
        return answered ? (long)free : null;

        nint Function(string name) => NativeLibrary.GetExport(driver, name);
    }
}
