using System.Runtime.InteropServices;
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
        const uint magnitude = 0x7FFF_FFFF;
        var bits = MemoryMarshal.Cast<float, uint>(delta);
        for (var i = 0; i < delta.Length; i++)
        {
            var size = gradient.IsEmpty ? bits[i] & magnitude
                : squares.IsEmpty ? BitConverter.SingleToUInt32Bits(delta[i] * gradient[i]) & magnitude
                : BitConverter.SingleToUInt32Bits(
                    (float)(((double)delta[i] * delta[i] * squares[i] / 2) + Math.Abs((double)delta[i] * gradient[i]))) & magnitude;
            ranks[i] = delta[i] == 0 ? 0 : size + 1;
        }
    }

    /// <summary>Sets the elements that are not kept to zero.</summary>
    public void Apply(long start, Span<float> delta, ReadOnlySpan<uint> ranks)
    {
        // All that reach the threshold of the whole tensor: no element needs more than one comparison.
        if (thresholds.Length == 1 && lastTies[0] == long.MaxValue)
        {
            var threshold = thresholds[0];
            for (var i = 0; i < delta.Length; i++)
                delta[i] = ranks[i] < threshold ? 0 : delta[i];
            return;
        }

        for (var i = 0; i < delta.Length; i++)
        {
            var unit = thresholds.Length == 1 ? 0 : tensor.UnitOf(start + i);
            if (ranks[i] < thresholds[unit] || (ranks[i] == thresholds[unit] && start + i > lastTies[unit]))
                delta[i] = 0;
        }
    }
}
