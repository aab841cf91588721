using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Numerics.Algebra;

/// <summary>fp64 arithmetic on vectors, in an order that depends on their length alone.</summary>
internal static class DenseVectors
{
    private static int Step => Vector512<double>.Count;

    /// <summary>Σ aᵢbᵢ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ref var first = ref MemoryMarshal.GetReference(a);
        ref var second = ref MemoryMarshal.GetReference(b[..a.Length]);
        Vector512<double> s0 = default, s1 = default, s2 = default, s3 = default;
        var i = 0;
        for (; i <= a.Length - (4 * Step); i += 4 * Step)
        {
            s0 = Vector512.FusedMultiplyAdd(Load(ref first, i), Load(ref second, i), s0);
            s1 = Vector512.FusedMultiplyAdd(Load(ref first, i + Step), Load(ref second, i + Step), s1);
            s2 = Vector512.FusedMultiplyAdd(Load(ref first, i + (2 * Step)), Load(ref second, i + (2 * Step)), s2);
            s3 = Vector512.FusedMultiplyAdd(Load(ref first, i + (3 * Step)), Load(ref second, i + (3 * Step)), s3);
        }

        for (; i <= a.Length - Step; i += Step)
            s0 = Vector512.FusedMultiplyAdd(Load(ref first, i), Load(ref second, i), s0);
        var sum = (s0 + s1) + (s2 + s3);
        var total = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
        for (; i < a.Length; i++)
            total = Math.FusedMultiplyAdd(a[i], b[i], total);
        return total;
    }

    /// <summary>targetᵢ += factor·valuesᵢ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddProduct(Span<double> target, ReadOnlySpan<double> values, double factor)
    {
        if (factor == 0)
            return;
        ref var sum = ref MemoryMarshal.GetReference(target);
        ref var second = ref MemoryMarshal.GetReference(values[..target.Length]);
        var factors = Vector512.Create(factor);
        var i = 0;
        for (; i <= target.Length - Step; i += Step)
            Vector512.FusedMultiplyAdd(Load(ref second, i), factors, Load(ref sum, i)).StoreUnsafe(ref sum, (nuint)i);
        for (; i < target.Length; i++)
            target[i] = Math.FusedMultiplyAdd(values[i], factor, target[i]);
    }

    /// <summary>Multiplies all elements.</summary>
    public static void Scale(Span<double> values, double factor)
    {
        for (var i = 0; i < values.Length; i++)
            values[i] *= factor;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Load(ref double first, int offset) => Vector512.LoadUnsafe(ref first, (nuint)offset);
}
