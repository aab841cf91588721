using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Transformers.Execution;

/// <summary>
/// Sums in an order that depends on the length only. (Library reductions may split a span by its address, so that the same numbers at
/// another place add up differently.)
/// </summary>
internal static class Reductions
{
    /// <summary>Σ x.</summary>
    public static float Sum(ReadOnlySpan<float> x)
    {
        var sums = Vector512<float>.Zero;
        ref var start = ref MemoryMarshal.GetReference(x);
        var i = 0;
        for (; i <= x.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            sums += Load(ref start, i);
        var sum = Fold(sums);
        for (; i < x.Length; i++)
            sum += x[i];
        return sum;
    }

    /// <summary>Σ x · y.</summary>
    public static float Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        var first = Vector512<float>.Zero;
        var second = Vector512<float>.Zero;
        ref var startX = ref MemoryMarshal.GetReference(x);
        ref var startY = ref MemoryMarshal.GetReference(y[..x.Length]);
        var i = 0;
        for (; i <= x.Length - 2 * Vector512<float>.Count; i += 2 * Vector512<float>.Count)
        {
            first += Load(ref startX, i) * Load(ref startY, i);
            second += Load(ref startX, i + Vector512<float>.Count) * Load(ref startY, i + Vector512<float>.Count);
        }

        var sum = Fold(first + second);
        for (; i < x.Length; i++)
            sum += x[i] * y[i];
        return sum;
    }

    /// <summary>Σ x².</summary>
    public static float SumOfSquares(ReadOnlySpan<float> x) => Dot(x, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(ref float start, int index) => Vector512.LoadUnsafe(ref start, (nuint)index);

    private static float Fold(Vector512<float> sums)
    {
        var half = sums.GetLower() + sums.GetUpper();
        var quarter = half.GetLower() + half.GetUpper();
        return quarter[0] + quarter[1] + (quarter[2] + quarter[3]);
    }
}
