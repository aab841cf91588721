using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Gguf.Quantization;

/// <summary>
/// Finds the scale (and minimum) with which codes come nearest to a part's elements: codes are rounded for a number of steps near the
/// widest one, scale and minimum follow from them by weighted least squares, and the pair with the smallest weighted error is taken.
/// </summary>
internal static class ScaleSearch
{
    // How far the number of steps over the part's range is varied, in tenths of a step.
    private const int Tenths = 10;

    /// <summary>x ≈ scale · q − minimum with q from 0 to <paramref name="most"/>, and a minimum of at least 0.</summary>
    /// <param name="values">The elements, a multiple of 8.</param>
    /// <param name="most">The largest code.</param>
    /// <remarks>An element's weight is the part's root mean square plus its magnitude.</remarks>
    public static (float Scale, float Minimum) WithMinimum(ReadOnlySpan<float> values, int most)
    {
        var least = MathF.Min(TensorPrimitives.Min(values), 0);
        var range = TensorPrimitives.Max(values) - least;
        if (range <= 0)
            return (0, -least);
        var all = MemoryMarshal.Cast<float, Vector256<float>>(values);
        var usual = Vector256.Create(MathF.Sqrt(TensorPrimitives.SumOfSquares(values) / values.Length));
        var (sumW, sumX) = (Vector256<float>.Zero, Vector256<float>.Zero);
        foreach (var x in all)
        {
            var w = usual + Vector256.Abs(x);
            sumW += w;
            sumX += w * x;
        }

        var (w1, wx) = (Vector256.Sum(sumW), Vector256.Sum(sumX));
        var (best, bestScale, bestMinimum) = (float.NegativeInfinity, range / most, -least);
        for (var tenths = -Tenths; tenths <= Tenths; tenths++)
        {
            var (wq, wqq, wxq) = Sums(all, usual, Vector256.Create((most + tenths / 10f) / range), least, most);

            // Where all codes are one, the minimum says it all and the scale nothing.
            var determinant = w1 * wqq - wq * wq;
            if (!(determinant > 0))
                continue;
            var (scale, offset) = ((w1 * wxq - wx * wq) / determinant, (wqq * wx - wq * wxq) / determinant);
            if (offset > 0)
                (scale, offset) = (wxq / wqq, 0);

            // The weighted error, but for the elements' own squares, which no choice changes.
            var gain = 2 * (scale * wxq + offset * wx - scale * offset * wq) - scale * scale * wqq - offset * offset * w1;
            if (gain > best && scale > 0)
                (best, bestScale, bestMinimum) = (gain, scale, -offset);
        }

        return (bestScale, bestMinimum);
    }

    /// <summary>x ≈ scale · q with q from −<paramref name="levels"/> to <paramref name="levels"/> − 1; the scale may be negative.</summary>
    /// <param name="values">The elements, a multiple of 8.</param>
    /// <param name="levels">Codes on each side of 0.</param>
    /// <remarks>An element's weight is its square.</remarks>
    public static float Symmetric(ReadOnlySpan<float> values, int levels)
    {
        var largest = TensorPrimitives.MaxMagnitude(values);
        if (MathF.Abs(largest) < 1e-15f)
            return 0;
        var all = MemoryMarshal.Cast<float, Vector256<float>>(values);
        var (lowest, highest) = (Vector256.Create((float)-levels), Vector256.Create(levels - 1f));
        var (best, bestScale) = (0f, 0f);
        for (var tenths = -Tenths + 1; tenths < Tenths; tenths++)
        {
            var inverse = Vector256.Create(-(levels + tenths / 10f) / largest);
            var (sumQq, sumXq) = (Vector256<float>.Zero, Vector256<float>.Zero);
            foreach (var x in all)
            {
                var q = Vector256.Min(Vector256.Max(Vector256.Round(x * inverse), lowest), highest);
                var wq = x * x * q;
                sumQq += wq * q;
                sumXq += wq * x;
            }

            var (wqq, wxq) = (Vector256.Sum(sumQq), Vector256.Sum(sumXq));
            if (wqq > 0 && wxq * wxq > best * wqq)
                (best, bestScale) = (wxq * wxq / wqq, wxq / wqq);
        }

        return bestScale;
    }

    private static (float Wq, float Wqq, float Wxq) Sums(
        ReadOnlySpan<Vector256<float>> all, Vector256<float> usual, Vector256<float> steps, float least, int most)
    {
        var (lowest, highest) = (Vector256.Create(least), Vector256.Create((float)most));
        var (sumQ, sumQq, sumXq) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        foreach (var x in all)
        {
            var q = Vector256.Min(Vector256.Max(Vector256.Round((x - lowest) * steps), Vector256<float>.Zero), highest);
            var wq = (usual + Vector256.Abs(x)) * q;
            sumQ += wq;
            sumQq += wq * q;
            sumXq += wq * x;
        }

        return (Vector256.Sum(sumQ), Vector256.Sum(sumQq), Vector256.Sum(sumXq));
    }
}
