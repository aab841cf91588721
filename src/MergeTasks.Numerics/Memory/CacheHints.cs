using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace MergeTasks.Numerics.Memory;

/// <summary>Asks for memory ahead of its use; without effect where the runtime offers no such instruction.</summary>
internal static unsafe class CacheHints
{
    private const int CacheLine = 64;

    /// <summary>Brings rows into the second-level cache: what is packed or added to next, while the processor multiplies.</summary>
    /// <param name="start">First row, any alignment.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="length">Bytes of each row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SoonNeeded(byte* start, nint stride, int rows, int length)
    {
        if (!Sse.IsSupported)
            return;
        for (; rows > 0; rows--)
        {
            for (var at = 0; at < length; at += CacheLine)
                Sse.Prefetch1(start + at);
            Sse.Prefetch1(start + length - 1);
            start += stride;
        }
    }
}
