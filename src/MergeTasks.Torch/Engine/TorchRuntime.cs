using System.Runtime.InteropServices;
using MergeTasks.Merging.Devices;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Engine;

/// <summary>The library behind TorchSharp: loaded once per process, and set to compute as this engine promises.</summary>
internal static class TorchRuntime
{
    /// <summary>The library's name of a device.</summary>
    public static Device DeviceOf(DeviceOptions options) =>
        options.Kind == DeviceKind.Cuda ? new Device(DeviceType.CUDA, options.Index) : new Device(DeviceType.CPU);

    /// <summary>Whether the library finds a CUDA device.</summary>
    public static bool FindsCuda()
    {
        ThreadPolicy.Set();
        return cuda.is_available();
    }

    /// <summary>Loads the library and checks the device.</summary>
    /// <exception cref="ModelException"><see cref="ModelError.NoDevice"/>: the library cannot be loaded, or has no such device.</exception>
    public static void Start(DeviceOptions options)
    {
        ThreadPolicy.Set(options.Threads);
        try
        {
            InitializeDeviceType(DeviceType.CPU);
            UseThreads(options.Threads);
            if (options.Kind == DeviceKind.Cuda)
                StartCuda(options);
        }
        catch (Exception e)
            when (e is NotSupportedException
                or InvalidOperationException
                or DllNotFoundException
                or TypeInitializationException
                or ExternalException)
        {
            throw new ModelException(ModelError.NoDevice, $"libtorch cannot be used: {Reason(e)}", null, e);
        }
    }

    /// <summary>Limits the processor's threads for what the calling thread computes; OpenMP and MKL keep a limit for each.</summary>
    public static void UseThreads(int threads)
    {
        // Before a thread's first work the library gives it the limit that any thread set last; asking brings that about now.
        _ = get_num_threads();
        set_num_threads(threads);
    }

    private static void StartCuda(DeviceOptions options)
    {
        // Asked first: initializing a device that is not there has no reason to give.
        if (!cuda.is_available())
            throw new ModelException(ModelError.NoDevice, WithoutCuda(new CudaDriver().Find()));
        var count = cuda.device_count();
        if (options.Index >= count)
        {
            throw new ModelException(
                ModelError.NoDevice,
                $"There is no device 'cuda:{options.Index}': libtorch finds {count}, from cuda:0 to cuda:{count - 1}.");
        }

        InitializeDeviceType(DeviceType.CUDA);
        if (!ProductSums.InSingles() && options.Precision == DevicePrecision.Bf16)
        {
            options.Told?.Invoke(
                "This build of libtorch has no switch for how bf16 products are summed, so long sums may be rounded to bf16 on the way.");
        }

        // A device that the library was not built for shows here, and cuBLAS takes its memory before weights fill the device.
        using var scope = NewDisposeScope();
        var one = ones([1, 1], ScalarType.Float32, DeviceOf(options));
        HostCopies.Singles(one.matmul(one));
    }

    /// <summary>Why the library finds no CUDA device.</summary>
    /// <param name="devices">What the driver finds.</param>
    internal static string WithoutCuda(CudaDevices devices) =>
        devices.Fault is { } fault ? $"No CUDA device can be used: NVIDIA's driver is missing or does not work ({fault})."
        : devices.Count == 0 ? "No CUDA device was found: NVIDIA's driver is there and finds none."
        : $"NVIDIA's driver finds {devices.Count} CUDA device{(devices.Count == 1 ? "" : "s")}, and libtorch none: "
            + "either its libraries for CUDA are missing (TorchSharp-cuda-linux or TorchSharp-cuda-windows brings them), or the driver "
            + "is older than they need.";

    // TorchSharp adds a trace of what it tried; a type initializer's exception hides the one that matters.
    private static string Reason(Exception e) => e.GetBaseException() is ExternalException fault
        ? DeviceFault.Describe(fault)
        : string.Join(
            ' ', e.GetBaseException().Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Take(2));
}
