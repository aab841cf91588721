#if WITH_TORCH
using System.Runtime.InteropServices;
using MergeTasks.Torch;
using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Engine;
using static TorchSharp.torch;

namespace MergeTasks.Transformers.Tests.Devices;

/// <summary>How products are summed: what the library is set to, as it says itself, and what comes out.</summary>
public unsafe class DevicePrecisionTests
{
    // at::CuBLASReductionOption::DisallowReducedPrecisionAllowSplitK
    private const byte SplitSumsInSingles = 1;

    [Fact]
    public void The_library_is_set_to_sum_in_fp32()
    {
        // The settings are the library's own for all devices, so they can be made and asked for without one.
        using var engine = new TorchEngine(new DeviceOptions { Threads = 2 });
        backends.cuda.matmul.allow_tf32 = true;
        backends.cuda.matmul.allow_fp16_reduced_precision_reduction = true;
        Assert.True(ProductSums.InSingles());
        Assert.False(backends.cuda.matmul.allow_tf32);
        Assert.False(backends.cudnn.allow_tf32);
        Assert.False(backends.cuda.matmul.allow_fp16_reduced_precision_reduction);
        if (!OperatingSystem.IsLinux())
            return;
        Assert.Equal(SplitSumsInSingles, Asked("_ZNK2at7Context24allowBF16ReductionCuBLASEv"));
        Assert.Equal(SplitSumsInSingles, Asked("_ZNK2at7Context24allowFP16ReductionCuBLASEv"));
        Assert.Equal(0, Asked("_ZNK2at7Context27allowFP16AccumulationCuBLASEv"));
        Assert.Equal(0, Asked("_ZNK2at7Context29allowFP16BF16ReductionMathSDPEv"));
    }

    [Fact]
    public void Long_sums_of_rounded_operands_lose_nothing_on_the_way()
    {
        // In bf16 a sum of ones ends at 256.
        const int length = 1 << 14;
        using var engine = new TorchEngine(new DeviceOptions { Threads = 2, Precision = DevicePrecision.Bf16 });
        using var scope = NewDisposeScope();
        var ones = TorchSharp.torch.ones([3, length], ScalarType.BFloat16);
        Assert.All(HostCopies.Singles(ones.matmul(ones.t())), sum => Assert.Equal(length, sum));
    }

    private static byte Asked(string function)
    {
        var library = NativeLibrary.Load("libtorch_cpu.so");
        var context = ((delegate* unmanaged<nint>)NativeLibrary.GetExport(library, "_ZN2at13globalContextEv"))();
        return ((delegate* unmanaged<nint, byte>)NativeLibrary.GetExport(library, function))(context);
    }
}
#endif
