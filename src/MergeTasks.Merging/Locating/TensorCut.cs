using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Locating;

/// <summary>
/// Where the elements of a tensor that are kept by rank begin: those above a threshold, and those at it up to an index. One pair for the
/// whole tensor, or one per unit. Ranks are bit patterns, which order like the magnitudes that they encode; 0 is an element that did not
/// change.
/// </summary>
/// <param name="tensor">The tensor.</param>
/// <param name="thresholds">Ranks.</param>
/// <param name="lastTies">The last element, by flat index, that is kept at the threshold.</param>
internal sealed class TensorCut(DeltaTensor tensor, uint[] thresholds, long[] lastTies)
{
    /// <summary>The threshold that every element that changed reaches.</summary>
    public const uint Least = 1;

    /// <summary>A threshold that nothing reaches.</summary>
    public const uint None = uint.MaxValue;

    private const uint Magnitude = 0x7FFF_FFFF;

    public uint[] Thresholds => thresholds;

    public long[] LastTies => lastTies;

    /// <summary>Whether every element that changed is kept.</summary>
    public bool KeepsAll =>
        Array.TrueForAll(thresholds, threshold => threshold <= Least) && Array.TrueForAll(lastTies, last => last == long.MaxValue);

    /// <summary>
    /// The ranks of elements: by |Δ|; by |Δ·∇M| where a gradient is given; by Δ²F/2 + |Δ·∇M| where mean squared gradients are, too.
    /// </summary>
    public static void Rank(ReadOnlySpan<float> delta, ReadOnlySpan<float> gradient, ReadOnlySpan<float> squares, Span<uint> ranks)
    {
        if (gradient.IsEmpty)
        {
            RankBySize(MemoryMarshal.Cast<float, uint>(delta), ranks);
            return;
        }

        for (var i = 0; i < delta.Length; i++)
        {
            var size = squares.IsEmpty
                ? delta[i] * gradient[i]
                : (float)(((double)delta[i] * delta[i] * squares[i] / 2) + Math.Abs((double)delta[i] * gradient[i]));
            ranks[i] = delta[i] == 0 ? 0 : (BitConverter.SingleToUInt32Bits(size) & Magnitude) + 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RankBySize(ReadOnlySpan<uint> bits, Span<uint> ranks)
    {
        ref readonly var source = ref MemoryMarshal.GetReference(bits);
        ref var target = ref MemoryMarshal.GetReference(ranks[..bits.Length]);
        var i = 0;
        for (; i <= bits.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
        {
            // Where the size is 0 the comparison is −1, which takes back the 1.
            var size = Vector512.LoadUnsafe(in source, (nuint)i) & Vector512.Create(Magnitude);
            (size + Vector512<uint>.One + Vector512.Equals(size, Vector512<uint>.Zero)).StoreUnsafe(ref target, (nuint)i);
        }

        for (; i < bits.Length; i++)
            ranks[i] = (bits[i] & Magnitude) is > 0 and var size ? size + 1 : 0;
    }

    /// <summary>Sets the elements that are not kept to zero.</summary>
    public void Apply(long start, Span<float> delta, ReadOnlySpan<uint> ranks)
    {
        // All that reach the threshold of the whole tensor: no element needs more than one comparison.
        if (thresholds.Length == 1 && lastTies[0] == long.MaxValue)
        {
            KeepFrom(thresholds[0], delta, ranks);
            return;
        }

        for (var i = 0; i < delta.Length; i++)
        {
            var unit = thresholds.Length == 1 ? 0 : tensor.UnitOf(start + i);
            if (ranks[i] < thresholds[unit] || (ranks[i] == thresholds[unit] && start + i > lastTies[unit]))
                delta[i] = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void KeepFrom(uint threshold, Span<float> delta, ReadOnlySpan<uint> ranks)
    {
        ref var target = ref MemoryMarshal.GetReference(delta);
        ref readonly var own = ref MemoryMarshal.GetReference(ranks[..delta.Length]);
        var least = Vector512.Create(threshold);
        var i = 0;
        for (; i <= delta.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var reaches = Vector512.GreaterThanOrEqual(Vector512.LoadUnsafe(in own, (nuint)i), least).AsSingle();
            (Vector512.LoadUnsafe(ref target, (nuint)i) & reaches).StoreUnsafe(ref target, (nuint)i);
        }

        for (; i < delta.Length; i++)
            delta[i] = ranks[i] < threshold ? 0 : delta[i];
    }
}
