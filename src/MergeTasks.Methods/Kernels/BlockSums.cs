using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Methods.Kernels;

/// <summary>Sums over one block with fp64 accumulators, in an order that does not depend on the machine.</summary>
internal static class BlockSums
{
    // Partial sums in fp32 over this many elements per lane, then fp64: each fp32 sum has at most 32 terms, so its error is a few ulp,
    // and the lanes are fixed at 16 whatever the hardware's vector width.
    private const int Stretch = 32 * 16;

    /// <summary>Σ a², Σ b², Σ a·b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (double A, double B, double Product) SquaresAndProduct(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sumA = 0, sumB = 0, product = 0;
        var i = 0;
        while (i <= a.Length - Stretch)
        {
            Vector512<float> va = default, vb = default, vp = default;
            for (var end = i + Stretch; i < end; i += Vector512<float>.Count)
            {
                var x = Vector512.Create(a[i..]);
                var y = Vector512.Create(b[i..]);
                va = Vector512.FusedMultiplyAdd(x, x, va);
                vb = Vector512.FusedMultiplyAdd(y, y, vb);
                vp = Vector512.FusedMultiplyAdd(x, y, vp);
            }

            // Squares of numbers beyond 1e18 may be too large for fp32.
            if (!Vector512.LessThanOrEqualAll(va, Vector512.Create(float.MaxValue))
                || !Vector512.LessThanOrEqualAll(vb, Vector512.Create(float.MaxValue)))
            {
                var x = a.Slice(i - Stretch, Stretch);
                var y = b.Slice(i - Stretch, Stretch);
                (sumA, sumB, product) = (sumA + Product(x, x), sumB + Product(y, y), product + Product(x, y));
                continue;
            }

            sumA += Lanes(va);
            sumB += Lanes(vb);
            product += Lanes(vp);
        }

        for (; i < a.Length; i++)
        {
            sumA += (double)a[i] * a[i];
            sumB += (double)b[i] * b[i];
            product += (double)a[i] * b[i];
        }

        return (sumA, sumB, product);
    }

    /// <summary>Σ a·b, every product and sum in fp64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Product(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var (lower, upper) = (Vector512<double>.Zero, Vector512<double>.Zero);
        var i = 0;
        for (; i <= a.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var (a0, a1) = Vector512.Widen(Vector512.Create(a[i..]));
            var (b0, b1) = Vector512.Widen(Vector512.Create(b[i..]));
            lower += a0 * b0;
            upper += a1 * b1;
        }

        var sum = Lanes(lower + upper);
        for (; i < a.Length; i++)
            sum += (double)a[i] * b[i];
        return sum;
    }

    /// <summary>Σ |a|.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Magnitudes(ReadOnlySpan<float> a)
    {
        var sum = 0.0;
        var i = 0;
        while (i <= a.Length - Stretch)
        {
            Vector512<float> lanes = default;
            for (var end = i + Stretch; i < end; i += Vector512<float>.Count)
                lanes += Vector512.Abs(Vector512.Create(a[i..]));
            if (Vector512.LessThanOrEqualAll(lanes, Vector512.Create(float.MaxValue)))
            {
                sum += Lanes(lanes);
                continue;
            }

            foreach (var value in a.Slice(i - Stretch, Stretch))
                sum += Math.Abs((double)value);
        }

        for (; i < a.Length; i++)
            sum += MathF.Abs(a[i]);
        return sum;
    }

    private static double Lanes(Vector512<float> lanes)
    {
        var (lower, upper) = Vector512.Widen(lanes);
        return Lanes(lower + upper);
    }

    private static double Lanes(Vector512<double> sum) => ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}
