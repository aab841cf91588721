namespace MergeTasks.Numerics.Memory;

/// <summary>
/// Working memory that a thread keeps between products, so that none is allocated, zeroed and paged in per product. Each slot serves one
/// purpose: a product packs A into the calling thread's memory and each thread packs panels of B into its own.
/// </summary>
internal static unsafe class ScratchMemory
{
    /// <summary>Kept at most, in elements, per thread and slot; what is larger lives for one product.</summary>
    public const int LargestKept = 1 << 22;

    private const int CacheLine = 64;

    [ThreadStatic]
    private static float[]?[]? _slots;

    /// <summary>Memory for packed A (one user at a time per thread).</summary>
    public static float[] ForLeftOperand(long elements) => Rent(0, elements);

    /// <summary>Memory for the panels of packed B (one user at a time per thread).</summary>
    public static float[] ForRightPanels(long elements) => Rent(1, elements);

    /// <summary>The first element of a rented array on a cache line; the array is pinned for its life.</summary>
    public static float* Align(float[] memory)
    {
        fixed (float* first = memory)
            return (float*)(((nint)first + CacheLine - 1) & ~(nint)(CacheLine - 1));
    }

    private static float[] Rent(int slot, long elements)
    {
        var slots = _slots ??= new float[]?[2];
        var needed = checked((int)(elements + CacheLine / sizeof(float)));
        if (slots[slot] is { } kept && kept.Length >= needed)
            return kept;
        var memory = GC.AllocateUninitializedArray<float>(needed, pinned: true);
        if (needed <= LargestKept + CacheLine)
            slots[slot] = memory;
        return memory;
    }
}
