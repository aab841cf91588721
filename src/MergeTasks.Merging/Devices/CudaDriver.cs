using System.Runtime.InteropServices;

namespace MergeTasks.Merging.Devices;

/// <summary>
/// The driver of this machine, asked through its own library (CUDA Driver API: <c>cuInit</c>, <c>cuDeviceGetCount</c>), which its
/// installation brings along.
/// </summary>
internal sealed unsafe class CudaDriver : ICudaDriver
{
    private const int Success = 0;
    private const int NoDevice = 100;

    /// <summary>File name of the driver's library.</summary>
    public static string Library => OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    /// <inheritdoc/>
    public CudaDevices Find()
    {
        try
        {
            // Never unloaded: the driver does not support it once it is initialized.
            var driver = NativeLibrary.Load(Library);
            var initialize = (delegate* unmanaged<uint, int>)NativeLibrary.GetExport(driver, "cuInit");
            var count = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(driver, "cuDeviceGetCount");
            var devices = 0;
            var result = initialize(0);
            if (result == Success)
                result = count(&devices);
            return result is Success or NoDevice
                ? new CudaDevices(devices)
                : new CudaDevices(0, $"{Library} answers with error {result} of the CUDA driver API");
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException or EntryPointNotFoundException)
        {
            return new CudaDevices(0, $"{Library} cannot be loaded");
        }
    }
}
