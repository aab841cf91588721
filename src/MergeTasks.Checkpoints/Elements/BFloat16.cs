using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Checkpoints.Elements;

/// <summary>
/// bfloat16 is the upper half of an fp32: widening is a shift, narrowing adds half a unit (ties to even) and shifts back.
/// </summary>
/// <remarks>The loops are compiled in full at once: a short build would be over before the runtime replaced its first, slow version of
/// them.</remarks>
internal static class BFloat16
{
    private const uint QuietBit = 0x0040_0000;
    private const uint ExponentMask = 0x7F80_0000;
    private const uint MagnitudeMask = 0x7FFF_FFFF;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToSingle(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var target = MemoryMarshal.Cast<float, uint>(destination)[..source.Length];
        ref readonly var first = ref MemoryMarshal.GetReference(source);
        ref var result = ref MemoryMarshal.GetReference(target);
        var i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            for (; i <= source.Length - Vector512<ushort>.Count; i += Vector512<ushort>.Count)
            {
                var (lower, upper) = Vector512.Widen(Vector512.LoadUnsafe(in first, (nuint)i));
                (lower << 16).StoreUnsafe(ref result, (nuint)i);
                (upper << 16).StoreUnsafe(ref result, (nuint)(i + Vector512<uint>.Count));
            }
        }

        for (; i < source.Length; i++)
            target[i] = (uint)source[i] << 16;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromSingle(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        var bits = MemoryMarshal.Cast<float, uint>(source);
        ref readonly var first = ref MemoryMarshal.GetReference(bits);
        ref var result = ref MemoryMarshal.GetReference(destination[..bits.Length]);
        var i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            for (; i <= bits.Length - Vector512<ushort>.Count; i += Vector512<ushort>.Count)
            {
                var lower = RoundedBits(Vector512.LoadUnsafe(in first, (nuint)i)) >> 16;
                var upper = RoundedBits(Vector512.LoadUnsafe(in first, (nuint)(i + Vector512<uint>.Count))) >> 16;
                Vector512.Narrow(lower, upper).StoreUnsafe(ref result, (nuint)i);
            }
        }

        for (; i < bits.Length; i++)
            destination[i] = (ushort)(RoundedBits(bits[i]) >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(Span<float> values)
    {
        var bits = MemoryMarshal.Cast<float, uint>(values);
        var keep = Vector512.Create(0xFFFF_0000u);
        var i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            for (; i <= bits.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
                (RoundedBits(Vector512.Create((ReadOnlySpan<uint>)bits[i..])) & keep).CopyTo(bits[i..]);
        }

        for (; i < bits.Length; i++)
            bits[i] = RoundedBits(bits[i]) & 0xFFFF_0000u;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint RoundedBits(uint bits) =>
        (bits & MagnitudeMask) > ExponentMask ? bits | QuietBit : bits + 0x7FFF + ((bits >> 16) & 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> RoundedBits(Vector512<uint> bits)
    {
        var rounded = bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One);
        var isNaN = Vector512.GreaterThan(bits & Vector512.Create(MagnitudeMask), Vector512.Create(ExponentMask));
        return Vector512.ConditionalSelect(isNaN, bits | Vector512.Create(QuietBit), rounded);
    }
}
