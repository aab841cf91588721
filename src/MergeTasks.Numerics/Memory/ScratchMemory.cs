namespace MergeTasks.Numerics.Memory;

/// <summary>
/// Working memory that a thread keeps between products, so that none is allocated, zeroed and paged in per product. Each slot serves one
/// purpose: a product packs A into the calling thread's memory and each thread packs panels of B into its own.
/// </summary>
internal static unsafe class ScratchMemory
{
    /// <summary>Kept at most, in bytes, per thread and slot; what is larger lives for one product.</summary>
    public const int LargestKept = 1 << 24;

    private const int CacheLine = 64;

    [ThreadStatic]
    private static byte[]?[]? _slots;

    /// <summary>Memory for packed A (one user at a time per thread), in bytes.</summary>
    public static byte[] ForLeftOperand(long bytes) => Rent(0, bytes);

    /// <summary>Memory for the panels of packed B (one user at a time per thread), in bytes.</summary>
    public static byte[] ForRightPanels(long bytes) => Rent(1, bytes);

    /// <summary>The first byte of a rented array on a cache line; the array is pinned for its life.</summary>
    public static void* Align(byte[] memory)
    {
        fixed (byte* first = memory)
            return (void*)(((nint)first + CacheLine - 1) & ~(nint)(CacheLine - 1));
    }

    private static byte[] Rent(int slot, long bytes)
    {
        var slots = _slots ??= new byte[]?[2];
        var needed = checked((int)(bytes + CacheLine));
        if (slots[slot] is { } kept && kept.Length >= needed)
            return kept;
        var memory = GC.AllocateUninitializedArray<byte>(needed, pinned: true);
        if (needed <= LargestKept + CacheLine)
            slots[slot] = memory;
        return memory;
    }
}
