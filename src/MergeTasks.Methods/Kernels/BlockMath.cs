using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Selecting;

namespace MergeTasks.Methods.Kernels;

/// <summary>The element-wise loops that every block goes through; all spans of a call have the same length.</summary>
/// <remarks>
/// <c>TensorPrimitives</c> has them too, but the runtime first compiles those without optimising, and half of a short merge's time went
/// into that version. These are compiled in full at once.
/// </remarks>
internal static class BlockMath
{
    /// <summary>values = values − other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Subtract(Span<float> values, ReadOnlySpan<float> other)
    {
        ref var target = ref MemoryMarshal.GetReference(values);
        ref readonly var second = ref MemoryMarshal.GetReference(other[..values.Length]);
        var i = 0;
        for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            (Vector512.LoadUnsafe(ref target, (nuint)i) - Vector512.LoadUnsafe(in second, (nuint)i)).StoreUnsafe(ref target, (nuint)i);
        for (; i < values.Length; i++)
            values[i] -= other[i];
    }

    /// <summary>Whether no value is NaN or infinite.</summary>
    public static bool AreFinite(ReadOnlySpan<float> values) => AreBelow(values, MagnitudeBits.Infinity);

    /// <summary>Whether the magnitudes of all values lie below one that is given by its bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool AreBelow(ReadOnlySpan<float> values, uint limit)
    {
        ref readonly var bits = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<float, uint>(values));
        var largest = Vector512<uint>.Zero;
        var i = 0;
        for (; i <= values.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
            largest = Vector512.Max(largest, Vector512.LoadUnsafe(in bits, (nuint)i) & Vector512.Create(MagnitudeBits.Mask));
        var areBelow = Vector512.LessThanAll(largest, Vector512.Create(limit));
        for (; i < values.Length; i++)
            areBelow &= (BitConverter.SingleToUInt32Bits(values[i]) & MagnitudeBits.Mask) < limit;
        return areBelow;
    }

    /// <summary>values = values + other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(Span<float> values, ReadOnlySpan<float> other)
    {
        ref var target = ref MemoryMarshal.GetReference(values);
        ref readonly var second = ref MemoryMarshal.GetReference(other[..values.Length]);
        var i = 0;
        for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            (Vector512.LoadUnsafe(ref target, (nuint)i) + Vector512.LoadUnsafe(in second, (nuint)i)).StoreUnsafe(ref target, (nuint)i);
        for (; i < values.Length; i++)
            values[i] += other[i];
    }

    /// <summary>values = values · factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(Span<float> values, float factor)
    {
        ref var target = ref MemoryMarshal.GetReference(values);
        var i = 0;
        for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            (Vector512.LoadUnsafe(ref target, (nuint)i) * factor).StoreUnsafe(ref target, (nuint)i);
        for (; i < values.Length; i++)
            values[i] *= factor;
    }

    /// <summary>sum = sum + values · factor with one rounding.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddProduct(Span<float> sum, ReadOnlySpan<float> values, float factor)
    {
        ref var target = ref MemoryMarshal.GetReference(sum);
        ref readonly var second = ref MemoryMarshal.GetReference(values[..sum.Length]);
        var factors = Vector512.Create(factor);
        var i = 0;
        for (; i <= sum.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in second, (nuint)i), factors, Vector512.LoadUnsafe(ref target, (nuint)i))
                .StoreUnsafe(ref target, (nuint)i);
        for (; i < sum.Length; i++)
            sum[i] = MathF.FusedMultiplyAdd(values[i], factor, sum[i]);
    }

    /// <summary>Where the total's sign is that of the values (zero counts as positive): sum += values, divisor += weight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddAgreeing(
        ReadOnlySpan<float> total, ReadOnlySpan<float> values, float weight, Span<float> sum, Span<float> divisor)
    {
        ref readonly var signs = ref MemoryMarshal.GetReference(total);
        ref readonly var second = ref MemoryMarshal.GetReference(values[..total.Length]);
        ref var target = ref MemoryMarshal.GetReference(sum[..total.Length]);
        ref var divisors = ref MemoryMarshal.GetReference(divisor[..total.Length]);
        var weights = Vector512.Create(weight);
        var i = 0;
        for (; i <= total.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var positive = Vector512.GreaterThanOrEqual(Vector512.LoadUnsafe(in signs, (nuint)i), Vector512<float>.Zero);
            var delta = Vector512.LoadUnsafe(in second, (nuint)i);
            var agrees = Vector512.ConditionalSelect(positive, Vector512.GreaterThan(delta, default), Vector512.LessThan(delta, default));
            (Vector512.LoadUnsafe(ref target, (nuint)i) + (delta & agrees)).StoreUnsafe(ref target, (nuint)i);
            (Vector512.LoadUnsafe(ref divisors, (nuint)i) + (weights & agrees)).StoreUnsafe(ref divisors, (nuint)i);
        }

        for (; i < total.Length; i++)
        {
            if (total[i] >= 0 ? values[i] > 0 : values[i] < 0)
                (sum[i], divisor[i]) = (sum[i] + values[i], divisor[i] + weight);
        }
    }

    /// <summary>values = origin + (values − origin) · factor, in fp64 with one rounding.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Stretch(Span<float> values, ReadOnlySpan<float> origin, double factor)
    {
        ref var target = ref MemoryMarshal.GetReference(values);
        ref readonly var from = ref MemoryMarshal.GetReference(origin[..values.Length]);
        var factors = Vector512.Create(factor);
        var i = 0;
        for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var (lower, upper) = Vector512.Widen(Vector512.LoadUnsafe(ref target, (nuint)i));
            var (lowerOrigin, upperOrigin) = Vector512.Widen(Vector512.LoadUnsafe(in from, (nuint)i));
            Vector512.Narrow(lowerOrigin + ((lower - lowerOrigin) * factors), upperOrigin + ((upper - upperOrigin) * factors))
                .StoreUnsafe(ref target, (nuint)i);
        }

        for (; i < values.Length; i++)
            values[i] = (float)(origin[i] + (((double)values[i] - origin[i]) * factor));
    }

    /// <summary>The same with a factor for each element; one of 1 leaves the value as it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Stretch(Span<float> values, ReadOnlySpan<float> origin, ReadOnlySpan<double> factors)
    {
        ref var target = ref MemoryMarshal.GetReference(values);
        ref readonly var from = ref MemoryMarshal.GetReference(origin[..values.Length]);
        ref readonly var each = ref MemoryMarshal.GetReference(factors[..values.Length]);
        var i = 0;
        for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var (lower, upper) = Vector512.Widen(Vector512.LoadUnsafe(ref target, (nuint)i));
            var (lowerOrigin, upperOrigin) = Vector512.Widen(Vector512.LoadUnsafe(in from, (nuint)i));
            var (lowerFactor, upperFactor) = (
                Vector512.LoadUnsafe(in each, (nuint)i), Vector512.LoadUnsafe(in each, (nuint)(i + Vector512<double>.Count)));
            Vector512.Narrow(Stretched(lower, lowerOrigin, lowerFactor), Stretched(upper, upperOrigin, upperFactor))
                .StoreUnsafe(ref target, (nuint)i);
        }

        for (; i < values.Length; i++)
            values[i] = factors[i] == 1 ? values[i] : (float)(origin[i] + (((double)values[i] - origin[i]) * factors[i]));
    }

    // The difference of two elements of very different size is not exact even in fp64.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Stretched(Vector512<double> values, Vector512<double> origin, Vector512<double> factors) =>
        Vector512.ConditionalSelect(
            Vector512.Equals(factors, Vector512.Create(1.0)), values, origin + ((values - origin) * factors));

    /// <summary>
    /// Sign election and average of weighted deltas without any rounding but fp32's own, in one go: with D = factor·delta,
    /// output = baseValues + λ · (Σ D of the deltas that have the sign of Σ vote·delta) [÷ Σ weight of those].
    /// </summary>
    /// <param name="baseValues">The base's elements.</param>
    /// <param name="deltas">The deltas of all models, <see cref="MergeBlock.BufferStride"/> elements from one to the next.</param>
    /// <param name="votes">Per model, what its delta counts in the election.</param>
    /// <param name="tieVote">What decides where the votes cancel out; 0 elects the positive sign.</param>
    /// <param name="factors">Per model, what its delta counts in the sum.</param>
    /// <param name="weights">Per model, what it adds to the divisor.</param>
    /// <param name="normalize">Whether to divide.</param>
    /// <param name="lambda">Factor of the merged delta.</param>
    /// <param name="output">The merged elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ElectAndAdd(
        ReadOnlySpan<float> baseValues,
        ReadOnlySpan<float> deltas,
        ReadOnlySpan<float> votes,
        float tieVote,
        ReadOnlySpan<float> factors,
        ReadOnlySpan<float> weights,
        bool normalize,
        float lambda,
        Span<float> output)
    {
        ref readonly var first = ref MemoryMarshal.GetReference(deltas);
        ref readonly var origin = ref MemoryMarshal.GetReference(baseValues[..output.Length]);
        ref var target = ref MemoryMarshal.GetReference(output);

        // The last vector of a short block reaches beyond the block, but not beyond its buffer.
        for (var i = 0; i < output.Length; i += Vector512<float>.Count)
        {
            var total = Vector512<float>.Zero;
            for (var model = 0; model < factors.Length; model++)
                total += Vector512.LoadUnsafe(in first, (nuint)((model * MergeBlock.BufferStride) + i)) * votes[model];
            var positive = tieVote < 0
                ? Vector512.GreaterThan(total, Vector512<float>.Zero)
                : Vector512.GreaterThanOrEqual(total, Vector512<float>.Zero);
            var (sum, divisor) = (Vector512<float>.Zero, Vector512<float>.Zero);
            for (var model = 0; model < factors.Length; model++)
            {
                var delta = Vector512.LoadUnsafe(in first, (nuint)((model * MergeBlock.BufferStride) + i));
                var vote = delta * votes[model];
                var agrees = Vector512.ConditionalSelect(positive, Vector512.GreaterThan(vote, default), Vector512.LessThan(vote, default));
                sum += (delta * factors[model]) & agrees;
                divisor += Vector512.Create(weights[model]) & agrees;
            }

            if (normalize)
                sum /= Vector512.ConditionalSelect(Vector512.Equals(divisor, default), Vector512<float>.One, divisor);
            ((sum * lambda) + Vector512.LoadUnsafe(in origin, (nuint)i)).StoreUnsafe(ref target, (nuint)i);
        }
    }

    /// <summary>values = values ÷ divisors, where a divisor of zero counts as one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Divide(Span<float> values, ReadOnlySpan<float> divisors)
    {
        ref var target = ref MemoryMarshal.GetReference(values);
        ref readonly var second = ref MemoryMarshal.GetReference(divisors[..values.Length]);
        var i = 0;
        for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var divisor = Vector512.LoadUnsafe(in second, (nuint)i);
            divisor = Vector512.ConditionalSelect(Vector512.Equals(divisor, default), Vector512<float>.One, divisor);
            (Vector512.LoadUnsafe(ref target, (nuint)i) / divisor).StoreUnsafe(ref target, (nuint)i);
        }

        for (; i < values.Length; i++)
            values[i] /= divisors[i] == 0 ? 1 : divisors[i];
    }
}
