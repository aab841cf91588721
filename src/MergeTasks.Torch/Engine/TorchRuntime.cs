using System.Runtime.InteropServices;
using MergeTasks.Transformers;

namespace MergeTasks.Torch;

/// <summary>The library behind TorchSharp: loaded once per process, and set to compute as this engine promises.</summary>
internal static class TorchRuntime
{
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
        }
        catch (Exception e) when (e is NotSupportedException or InvalidOperationException or DllNotFoundException or TypeInitializationException or ExternalException)
        {
            throw new ModelException(ModelError.NoDevice, $"libtorch cannot be used: {e.Message.Split('\n')[0]}", null, e);
        }
    }
}
