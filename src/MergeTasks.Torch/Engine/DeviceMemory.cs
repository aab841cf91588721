using System.Runtime.InteropServices;
using MergeTasks.Transformers;

namespace MergeTasks.Torch;

/// <summary>How much memory a device has left, which TorchSharp does not tell; the CUDA driver does.</summary>
internal static unsafe class DeviceMemory
{
    private const double ShareForWeights = 0.7;

    /// <summary>Bytes that weights may take for good: most of what is free on a CUDA device, no limit on the processor.</summary>
    public static long ForWeights(DeviceOptions options)
    {
        if (options.Kind != DeviceKind.Cuda)
            return long.MaxValue;
        // The first tensor makes the library's context current on this thread; the driver answers for the current context.
        using (empty([1], ScalarType.Float32, new Device(DeviceType.CUDA, options.Index)))
            return Free() is { } free ? (long)(free * ShareForWeights) : long.MaxValue;
    }

    private static long? Free()
    {
        var name = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        if (!NativeLibrary.TryLoad(name, out var driver) || !NativeLibrary.TryGetExport(driver, "cuMemGetInfo_v2", out var export))
            return null;
        nuint free, total;
        return ((delegate* unmanaged<nuint*, nuint*, int>)export)(&free, &total) == 0 ? (long)free : null;
    }
}
