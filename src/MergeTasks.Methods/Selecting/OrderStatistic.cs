using System.Runtime.CompilerServices;

namespace MergeTasks.Methods.Selecting;

/// <summary>
/// Finds the number of a given rank among any number of fp32 numbers in two passes over them: one counts the upper halves of bit patterns
/// that order like the numbers, the other the lower halves where the upper one is that of the wanted number. Negative numbers are smaller
/// than positive ones.
/// </summary>
/// <param name="workers">Threads that count.</param>
/// <param name="rank">The rank in ascending order, from 0.</param>
internal sealed class OrderStatistic(int workers, long rank)
{
    private const int Buckets = 1 << 16;

    private readonly long[][] _counts = [.. Enumerable.Range(0, workers).Select(_ => new long[Buckets])];
    private uint _upper;
    private bool _isUpperKnown;
    private long _below;

    /// <summary>The number, after both passes.</summary>
    public float Value { get; private set; }

    /// <summary>Counts numbers; each worker calls it on one thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Count(int worker, ReadOnlySpan<float> values)
    {
        var counts = _counts[worker];
        foreach (var value in values)
        {
            var key = KeyOf(value);
            if (!_isUpperKnown)
                counts[key >> 16]++;
            else if (key >> 16 == _upper)
                counts[key & 0xFFFF]++;
        }
    }

    /// <summary>Ends a pass.</summary>
    public void EndPass()
    {
        var bucket = 0u;
        for (; bucket < Buckets - 1; bucket++)
        {
            var count = _counts.Sum(worker => worker[bucket]);
            if (_below + count > rank)
                break;
            _below += count;
        }

        foreach (var counts in _counts)
            Array.Clear(counts);
        if (_isUpperKnown)
            Value = NumberOf((_upper << 16) | bucket);
        else
            (_upper, _isUpperKnown) = (bucket, true);
    }

    private static uint KeyOf(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
    }

    private static float NumberOf(uint key) => BitConverter.UInt32BitsToSingle((key & 0x8000_0000) != 0 ? key & 0x7FFF_FFFF : ~key);
}
