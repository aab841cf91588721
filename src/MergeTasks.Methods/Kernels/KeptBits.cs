using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Methods.Kernels;

/// <summary>Masks as one bit per element, 64 to a word from the lowest on.</summary>
internal static class KeptBits
{
    /// <summary>Sets elements to zero whose bit is not set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(ReadOnlySpan<ulong> kept, Span<float> values)
    {
        ref var target = ref MemoryMarshal.GetReference(values);
        var laneBits = Vector512.Create(1u, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768);
        var i = 0;
        for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var bits = Vector512.Create((uint)(kept[i / 64] >> (i % 64)));
            var dropped = Vector512.Equals(bits & laneBits, Vector512<uint>.Zero).AsSingle();
            Vector512.AndNot(Vector512.LoadUnsafe(ref target, (nuint)i), dropped).StoreUnsafe(ref target, (nuint)i);
        }

        for (; i < values.Length; i++)
            values[i] = (kept[i / 64] >> (i % 64) & 1) != 0 ? values[i] : 0;
    }
}
