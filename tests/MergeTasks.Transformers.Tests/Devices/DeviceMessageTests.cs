#if WITH_TORCH
using System.Runtime.InteropServices;
using MergeTasks.Merging.Devices;
using MergeTasks.Torch;
using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Tests.Devices;

/// <summary>What users read of devices that are missing or fail.</summary>
public class DeviceMessageTests
{
    [Fact]
    public void A_machine_without_a_device_is_told_so()
    {
        if (TorchEngine.FindsCuda)
            return;
        var refused = Assert.Throws<ModelException>(() => new TorchEngine(new DeviceOptions { Kind = DeviceKind.Cuda }));
        Assert.Equal(ModelError.NoDevice, refused.Error);
        Assert.Contains("CUDA device", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("initiali", refused.Message, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("Trace", refused.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(0, "libcuda.so.1 cannot be loaded", "driver is missing")]
    [InlineData(0, null, "finds none")]
    [InlineData(1, null, "finds 1 CUDA device, and libtorch none")]
    [InlineData(8, null, "TorchSharp-cuda-linux")]
    public void Why_there_is_none_says_what_to_look_for(int count, string? fault, string expected) =>
        Assert.Contains(expected, TorchRuntime.WithoutCuda(new CudaDevices(count, fault)), StringComparison.Ordinal);

    [Theory]
    [InlineData(
        "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be asynchronously reported",
        "not made for a device of this generation")]
    [InlineData("CUDA error: an illegal memory access was encountered\nCompile with `TORCH_USE_CUDA_DSA`", "cannot be used again")]
    [InlineData("something else.\nException raised from here", "something else")]
    public void A_fault_is_told_without_the_trace(string message, string expected)
    {
        var told = DeviceFault.Describe(new LibraryFault(message));
        Assert.Contains(expected, told, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', told);
    }

    [Theory]
    [InlineData("CUDA out of memory. Tried to allocate 20.00 MiB", true, false)]
    [InlineData("linalg.eigh: The algorithm failed to converge because the input matrix is ill-conditioned", false, true)]
    [InlineData("cusolver error: CUSOLVER_STATUS_INVALID_VALUE, when calling `cusolverDnXsyevd`", false, true)]
    [InlineData("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED", true, true)]
    [InlineData("CUDA error: unspecified launch failure", false, false)]
    public void Faults_are_told_apart(string message, bool isShortMemory, bool isNoConvergence)
    {
        Assert.Equal(isShortMemory, DeviceFault.IsShortMemory(new LibraryFault(message)));
        Assert.Equal(isNoConvergence, DeviceFault.IsNoConvergence(new LibraryFault(message)));
    }

    private sealed class LibraryFault(string message) : ExternalException(message);
}
#endif
