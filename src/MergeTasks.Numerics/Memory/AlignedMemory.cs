using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MergeTasks.Numerics.Memory;

/// <summary>Memory that begins with a cache line, so that no vector is loaded from two.</summary>
/// <param name="length">Number of elements.</param>
internal sealed class AlignedMemory<T>(int length)
    where T : unmanaged
{
    private const int CacheLine = 64;

    private readonly T[] _array = GC.AllocateUninitializedArray<T>(length + (CacheLine / Unsafe.SizeOf<T>()), pinned: true);
    private int? _first;

    /// <summary>All of it.</summary>
    public Span<T> Span => _array.AsSpan(_first ??= FirstAligned(), length);

    /// <summary>Number of elements.</summary>
    public int Length => length;

    private int FirstAligned()
    {
        var address = (long)Marshal.UnsafeAddrOfPinnedArrayElement(_array, 0);
        return (int)((CacheLine - (address % CacheLine)) % CacheLine) / Unsafe.SizeOf<T>();
    }
}
