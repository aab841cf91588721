using System.Runtime.InteropServices;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// Sets the library to sum products in fp32 on CUDA, whatever the operands' type. By default cuBLAS may round partial sums to the operands'
/// type where it splits a long sum, and cuDNN may keep 10 bits of each operand (TensorFloat-32).
/// </summary>
internal static unsafe class ProductSums
{
    // TorchSharp has no property for bf16, so the library's own function is called: at::globalContext().setAllowBF16ReductionCuBLAS(bool,
    // bool) as compilers name it. An object's function takes its address first.
    private static readonly (string Library, string Context, string Setter) Names = OperatingSystem.IsWindows()
        ? ("torch_cpu.dll", "?globalContext@at@@YAAEAVContext@1@XZ", "?setAllowBF16ReductionCuBLAS@Context@at@@QEAAX_N0@Z")
        : ("libtorch_cpu.so", "_ZN2at13globalContextEv", "_ZN2at7Context27setAllowBF16ReductionCuBLASEbb");

    /// <summary>Sets it; the library must be loaded.</summary>
    /// <returns>Whether all of it could be set: not so for bf16 where the library names its functions otherwise.</returns>
    public static bool InSingles()
    {
        backends.cuda.matmul.allow_tf32 = false;
        backends.cuda.matmul.allow_fp16_reduced_precision_reduction = false;
        backends.cudnn.allow_tf32 = false;
        if (!NativeLibrary.TryLoad(Names.Library, out var library)
            || !NativeLibrary.TryGetExport(library, Names.Context, out var context)
            || !NativeLibrary.TryGetExport(library, Names.Setter, out var setter))
            return false;

        // Long sums may still be split; their parts stay in fp32 then.
        const byte reducesPrecision = 0, splits = 1;
        ((delegate* unmanaged<nint, byte, byte, void>)setter)(((delegate* unmanaged<nint>)context)(), reducesPrecision, splits);
        return true;
    }
}
