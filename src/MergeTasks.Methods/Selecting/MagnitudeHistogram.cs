using System.Runtime.CompilerServices;

namespace MergeTasks.Methods.Selecting;

/// <summary>
/// Finds the threshold of one model's delta in two passes over the tensor, wherever it lies: one counts the upper halves of the magnitudes'
/// bit patterns, the other the lower halves in the bucket where the threshold lies.
/// </summary>
/// <param name="workers">Threads that count.</param>
/// <param name="keep">Elements to keep.</param>
internal sealed class MagnitudeHistogram(int workers, long keep)
{
    private const int UpperBuckets = 1 << 15;
    private const int LowerBuckets = 1 << 16;

    private long[][] _counts = NewCounts(workers, UpperBuckets);
    private bool _isUpperKnown;

    /// <summary>Bit pattern of the smallest magnitude kept, after both passes.</summary>
    public uint Threshold { get; private set; }

    /// <summary>Elements above the threshold.</summary>
    public long Above { get; private set; }

    /// <summary>Elements at the threshold.</summary>
    public long At { get; private set; }

    /// <summary>Counts a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Count(int worker, ReadOnlySpan<float> delta)
    {
        var counts = _counts[worker];
        foreach (var value in delta)
        {
            var magnitude = BitConverter.SingleToUInt32Bits(value) & MagnitudeBits.Mask;
            if (!_isUpperKnown)
                counts[magnitude >> 16]++;
            else if (magnitude >> 16 == Threshold >> 16)
                counts[magnitude & 0xFFFF]++;
        }
    }

    /// <summary>Ends a pass.</summary>
    public void EndPass()
    {
        var bucket = FindBucket();
        Threshold = _isUpperKnown ? Threshold | bucket : bucket << 16;
        _counts = _isUpperKnown ? [] : NewCounts(workers, LowerBuckets);
        _isUpperKnown = true;
    }

    private static long[][] NewCounts(int workers, int buckets) => [.. Enumerable.Range(0, workers).Select(_ => new long[buckets])];

    // Walks down from the largest magnitude until the bucket that holds the last element kept.
    private uint FindBucket()
    {
        for (var bucket = _counts[0].Length - 1; ; bucket--)
        {
            At = _counts.Sum(worker => worker[bucket]);
            if (Above + At >= keep || bucket == 0)
                return (uint)bucket;
            Above += At;
        }
    }
}
