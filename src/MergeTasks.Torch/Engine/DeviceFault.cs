using System.Runtime.InteropServices;

namespace MergeTasks.Torch.Engine;

/// <summary>Tells the library's faults apart, which all come as one type, by what they say.</summary>
internal static class DeviceFault
{
    // As libtorch, cuBLAS and cuSOLVER put it.
    private static readonly string[] ShortMemory =
        ["out of memory", "not enough memory", "can't allocate memory", "ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED"];

    // cuSOLVER has a status of its own for matrices that its search ends on.
    private static readonly string[] NoConvergence = ["failed to converge", "cusolver error"];

    // What users can do something about; the rest speaks for itself.
    private static readonly (string Wording, string Meaning)[] Known =
    [
        ("no kernel image", "this build of libtorch was not made for a device of this generation"),
        ("driver version is insufficient", "NVIDIA's driver is older than this build of libtorch needs"),
        ("device-side assert", "a computation on it had an operand out of range"),
        ("illegal memory access", "a computation on it went wrong, and the device cannot be used again by this process"),
        ("ECC error", "its memory has a defect"),
        ("unspecified launch failure", "a computation on it went wrong, and the device cannot be used again by this process"),
        ("busy or unavailable", "another process keeps it to itself"),
    ];

    /// <summary>Whether memory was short.</summary>
    public static bool IsShortMemory(ExternalException fault) => Says(fault, ShortMemory);

    /// <summary>Whether a search for eigenvectors had to end without them; memory is to be asked for first.</summary>
    public static bool IsNoConvergence(ExternalException fault) => Says(fault, NoConvergence);

    /// <summary>What happened, without the library's trace and advice to its programmers.</summary>
    public static string Describe(ExternalException fault)
    {
        var words = fault.Message.Split('\n')[0].TrimEnd('.', '\r', ' ');
        var meaning = Known.FirstOrDefault(known => Says(fault, [known.Wording])).Meaning;
        return meaning is null ? words : $"{meaning} ({words})";
    }

    private static bool Says(ExternalException fault, string[] wordings) =>
        wordings.Any(wording => fault.Message.Contains(wording, StringComparison.OrdinalIgnoreCase));
}
