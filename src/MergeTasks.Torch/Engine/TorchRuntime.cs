using System.Runtime.InteropServices;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Engine;

/// <summary>The library behind TorchSharp: loaded once per process, and set to compute as this engine promises.</summary>
internal static class TorchRuntime
{
    /// <summary>The library's name of a device.</summary>
    public static Device DeviceOf(DeviceOptions options) =>
        options.Kind == DeviceKind.Cuda ? new Device(DeviceType.CUDA, options.Index) : new Device(DeviceType.CPU);

    /// <summary>Loads the library and checks the device.</summary>
    /// <exception cref="ModelException"><see cref="ModelError.NoDevice"/>: the library cannot be loaded, or has no such device.</exception>
    public static void Start(DeviceOptions options)
    {
        try
        {
            InitializeDeviceType(options.Kind == DeviceKind.Cuda ? DeviceType.CUDA : DeviceType.CPU);
            set_num_threads(options.Threads);
            if (options.Kind != DeviceKind.Cuda)
                return;
            if (options.Index >= cuda.device_count())
                throw new ModelException(ModelError.NoDevice, $"There is no device 'cuda:{options.Index}'; libtorch sees {cuda.device_count()}.");
            // TensorFloat-32 keeps 10 bits of each operand: not fp32.
            backends.cuda.matmul.allow_tf32 = false;

            // A device that the library was not built for shows here, and cuBLAS takes its memory before weights fill the device.
            using var scope = NewDisposeScope();
            var one = ones([1, 1], ScalarType.Float32, DeviceOf(options));
            HostCopies.Singles(one.matmul(one));
        }
        catch (Exception e) when (e is NotSupportedException or InvalidOperationException or DllNotFoundException or TypeInitializationException or ExternalException)
        {
            throw new ModelException(ModelError.NoDevice, $"libtorch cannot be used: {Reason(e)}", null, e);
        }
    }

    // TorchSharp adds a trace of what it tried; a type initializer's exception hides the one that matters.
    private static string Reason(Exception e) =>
        string.Join(' ', e.GetBaseException().Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Take(2));
}
