namespace MergeTasks.Methods.Selecting;

/// <summary>Ranks of a row's elements by magnitude, in linear time; keeps its memory from row to row.</summary>
internal sealed class MagnitudeRanks
{
    private const int DigitBits = 11;
    private const int SmallRow = 256;

    private ulong[] _keys = [];
    private ulong[] _sorted = [];

    /// <summary>Ranks a row.</summary>
    /// <param name="values">The row.</param>
    /// <param name="ranks">From 1 for the smallest magnitude; of equal ones the element that comes first ranks highest.</param>
    /// <param name="firstRanksLowest">Whether of equal ones the element that comes first ranks lowest instead.</param>
    public void Rank(ReadOnlySpan<float> values, Span<int> ranks, bool firstRanksLowest = false)
    {
        var flip = firstRanksLowest ? MagnitudeBits.Mask : 0;

        if (_keys.Length < values.Length)
            (_keys, _sorted) = (new ulong[values.Length], new ulong[values.Length]);

        // Ascending order of the inverted magnitude and then of the place is descending order of what ranks are given by.
        for (var i = 0; i < values.Length; i++)
            _keys[i] = ((ulong)((~BitConverter.SingleToUInt32Bits(values[i]) & MagnitudeBits.Mask) ^ flip) << 32) | (uint)i;
        if (values.Length <= SmallRow)
        {
            _keys.AsSpan(0, values.Length).Sort();
        }
        else
        {
            for (var shift = 32; shift < 63; shift += DigitBits)
                SortByDigit(values.Length, shift);
        }

        for (var place = 0; place < values.Length; place++)
            ranks[(int)(uint)_keys[place]] = firstRanksLowest ? place + 1 : values.Length - place;
    }

    private void SortByDigit(int count, int shift)
    {
        const int digits = (1 << DigitBits) - 1;
        Span<int> next = stackalloc int[digits + 1];
        next.Clear();
        foreach (var key in _keys.AsSpan(0, count))
            next[(int)(key >> shift) & digits]++;
        var sum = 0;
        foreach (ref var first in next)
            (first, sum) = (sum, sum + first);
        foreach (var key in _keys.AsSpan(0, count))
            _sorted[next[(int)(key >> shift) & digits]++] = key;
        (_keys, _sorted) = (_sorted, _keys);
    }
}
