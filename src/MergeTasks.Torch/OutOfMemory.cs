using System.Runtime.InteropServices;

namespace MergeTasks.Torch;

/// <summary>Tells a want of memory from the library's other faults, which all come as one type.</summary>
internal static class OutOfMemory
{
    // As libtorch, cuBLAS and cuSOLVER put it.
    private static readonly string[] Wordings = ["out of memory", "not enough memory", "can't allocate memory", "ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED"];

    /// <summary>Whether memory was short.</summary>
    public static bool IsMeantBy(ExternalException fault) =>
        Wordings.Any(wording => fault.Message.Contains(wording, StringComparison.OrdinalIgnoreCase));
}
