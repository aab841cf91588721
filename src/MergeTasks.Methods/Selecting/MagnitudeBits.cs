using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Methods.Selecting;

/// <summary>Loops over the bit patterns of fp32 values without their sign, which order like the magnitudes.</summary>
/// <remarks>They are compared as signed numbers, for which all processors have an instruction.</remarks>
internal static class MagnitudeBits
{
    /// <summary>Every bit but the sign; also the largest pattern there is.</summary>
    public const uint Mask = 0x7FFF_FFFF;

    /// <summary>The pattern of infinity; those above are NaN.</summary>
    public const uint Infinity = 0x7F80_0000;

    /// <summary>How many magnitudes lie above the limit (at most <see cref="Mask"/>), and how many on it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (int Above, int At) Count(ReadOnlySpan<float> values, uint limit)
    {
        ref readonly var bits = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<float, uint>(values));
        var (aboves, ats) = (Vector512<int>.Zero, Vector512<int>.Zero);
        var i = 0;
        for (; i <= values.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
        {
            var magnitude = (Vector512.LoadUnsafe(in bits, (nuint)i) & Vector512.Create(Mask)).AsInt32();
            aboves -= Vector512.GreaterThan(magnitude, Vector512.Create((int)limit));
            ats -= Vector512.Equals(magnitude, Vector512.Create((int)limit));
        }

        var (above, at) = (Vector512.Sum(aboves), Vector512.Sum(ats));

        for (; i < values.Length; i++)
        {
            var magnitude = BitConverter.SingleToUInt32Bits(values[i]) & Mask;
            above += magnitude > limit ? 1 : 0;
            at += magnitude == limit ? 1 : 0;
        }

        return (above, at);
    }

    /// <summary>Collects the magnitudes strictly between two limits.</summary>
    /// <param name="values">The values.</param>
    /// <param name="lower">The lower limit.</param>
    /// <param name="upper">The upper limit, at most <see cref="Mask"/>.</param>
    /// <param name="found">Room for as many as there are values.</param>
    /// <returns>How many were found.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int CollectBetween(ReadOnlySpan<float> values, uint lower, uint upper, Span<uint> found)
    {
        ref readonly var bits = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<float, uint>(values));
        var count = 0;
        var i = 0;
        for (; i <= values.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
        {
            var magnitude = (Vector512.LoadUnsafe(in bits, (nuint)i) & Vector512.Create(Mask)).AsInt32();
            var between = Vector512.GreaterThan(magnitude, Vector512.Create((int)lower))
                & Vector512.LessThan(magnitude, Vector512.Create((int)upper));
            for (var hits = between.ExtractMostSignificantBits(); hits != 0; hits &= hits - 1)
                found[count++] = BitConverter.SingleToUInt32Bits(values[i + BitOperations.TrailingZeroCount(hits)]) & Mask;
        }

        for (; i < values.Length; i++)
        {
            var magnitude = BitConverter.SingleToUInt32Bits(values[i]) & Mask;
            if (magnitude > lower && magnitude < upper)
                found[count++] = magnitude;
        }

        return count;
    }

    /// <summary>Sets values whose magnitude lies below <paramref name="least"/> to zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void KeepFrom(Span<float> values, uint least)
    {
        ref var bits = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<float, uint>(values));
        var i = 0;
        for (; i <= values.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
        {
            var value = Vector512.LoadUnsafe(ref bits, (nuint)i);
            var keep = Vector512.GreaterThanOrEqual(value & Vector512.Create(Mask), Vector512.Create(least));
            (value & keep).StoreUnsafe(ref bits, (nuint)i);
        }

        for (; i < values.Length; i++)
            values[i] = (BitConverter.SingleToUInt32Bits(values[i]) & Mask) >= least ? values[i] : 0;
    }

    /// <summary>Sets values below the threshold to zero, and the first <paramref name="dropped"/> of those on it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void KeepLastTies(Span<float> values, uint threshold, long dropped)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var magnitude = BitConverter.SingleToUInt32Bits(values[i]) & Mask;
            if (magnitude < threshold || (magnitude == threshold && dropped-- > 0))
                values[i] = 0;
        }
    }

    /// <summary>Sets values below the threshold to zero, and those on it but the first <paramref name="quota"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void KeepFirstTies(Span<float> values, uint threshold, long quota)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var magnitude = BitConverter.SingleToUInt32Bits(values[i]) & Mask;
            if (magnitude < threshold || (magnitude == threshold && quota-- <= 0))
                values[i] = 0;
        }
    }
}
