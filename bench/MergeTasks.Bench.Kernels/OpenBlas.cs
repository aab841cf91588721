using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Bench.Kernels;

/// <summary>The yardstick: single-precision matrix product of OpenBLAS (Debian package libopenblas0-pthread).</summary>
internal static unsafe partial class OpenBlas
{
    private const string Library = "libopenblas.so.0";
    private const int RowMajor = 101;
    private const int AsIs = 111;
    private const int Transposed = 112;

    // The release in Debian 12 takes processors newer than itself for a Prescott and then runs SSE3 kernels, a fifth of what it can do.
    static OpenBlas()
    {
        if (Vector512.IsHardwareAccelerated)
            _ = SetEnvironment("OPENBLAS_CORETYPE", "SkylakeX", overwrite: 0);
    }

    public static string Configuration => Marshal.PtrToStringUTF8(GetConfig()) ?? "unknown";

    [LibraryImport(Library, EntryPoint = "openblas_set_num_threads")]
    public static partial void SetThreads(int count);

    /// <summary>c[m, n] = a · b, both as they lie or transposed, rows without gaps.</summary>
    public static void Multiply(int m, int n, int k, float* a, bool transposedA, float* b, bool transposedB, float* c) =>
        Sgemm(
            RowMajor,
            transposedA ? Transposed : AsIs,
            transposedB ? Transposed : AsIs,
            m, n, k, 1, a, transposedA ? m : k, b, transposedB ? k : n, 0, c, n);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport(Library, EntryPoint = "openblas_get_config")]
    private static partial nint GetConfig();

    [LibraryImport(Library, EntryPoint = "cblas_sgemm")]
    private static partial void Sgemm(
        int order,
        int transA,
        int transB,
        int m,
        int n,
        int k,
        float alpha,
        float* a,
        int lda,
        float* b,
        int ldb,
        float beta,
        float* c,
        int ldc);
}
