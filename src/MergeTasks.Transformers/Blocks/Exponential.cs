using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// eˣ in fp32, within one unit in the last place: 2ⁿ · eʳ with r = x − n · ln 2, |r| ≤ ½ ln 2, and Taylor's series up to r⁷, whose rest is
/// below 2⁻²⁷. ∞ above ln of the largest number, 0 below that of the smallest; NaN stays NaN.
/// </summary>
/// <remarks>
/// Not the library's <see cref="Vector512.Exp(Vector512{float})"/>: that is a method of its own, which until it is compiled for the processor
/// runs number by number, and that took a fifth of the time of a small model's first scores.
/// </remarks>
internal static class Exponential
{
    private const float Smallest = -104f;
    private const float Largest = 89f;
    private const float Log2OfE = 1.44269504088896341f;

    // ln 2 in two parts: a product of the first, which has nine bits, and any n is exact (W. J. Cody and W. Waite, "Software Manual for
    // the Elementary Functions", 1980).
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440054690583e-4f;

    // Added and taken away again, it leaves an integer.
    private const float ToInteger = 1.5f * (1 << 23);

    /// <summary>Of 16 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        x = Vector512.Min(Vector512.Max(x, Vector512.Create(Smallest)), Vector512.Create(Largest));
        var power = Vector512.MultiplyAddEstimate(x, Vector512.Create(Log2OfE), Vector512.Create(ToInteger)) - Vector512.Create(ToInteger);
        var rest = Vector512.MultiplyAddEstimate(power, Vector512.Create(-Ln2High), x);
        rest = Vector512.MultiplyAddEstimate(power, Vector512.Create(-Ln2Low), rest);
        var value = Vector512.MultiplyAddEstimate(Vector512.Create(1f / 5040), rest, Vector512.Create(1f / 720));
        value = Vector512.MultiplyAddEstimate(value, rest, Vector512.Create(1f / 120));
        value = Vector512.MultiplyAddEstimate(value, rest, Vector512.Create(1f / 24));
        value = Vector512.MultiplyAddEstimate(value, rest, Vector512.Create(1f / 6));
        value = Vector512.MultiplyAddEstimate(value, rest, Vector512.Create(1f / 2));
        value = Vector512.MultiplyAddEstimate(value, rest, Vector512<float>.One);
        value = Vector512.MultiplyAddEstimate(value, rest, Vector512<float>.One);

        // In two steps, because 2ⁿ itself may be no number of fp32 where the result is one.
        var exponent = Vector512.ConvertToInt32Native(power);
        var half = exponent >> 1;
        return value * PowerOfTwo(half) * PowerOfTwo(exponent - half);
    }

    /// <summary>Of all numbers, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Of(Span<float> x)
    {
        ref var first = ref MemoryMarshal.GetReference(x);
        var i = 0;
        for (; i <= x.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            Of(Vector512.LoadUnsafe(ref first, (nuint)i)).StoreUnsafe(ref first, (nuint)i);
        for (; i < x.Length; i++)
            x[i] = Of(Vector512.CreateScalar(x[i])).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> exponent) => ((exponent + Vector512.Create(127)) << 23).AsSingle();
}
