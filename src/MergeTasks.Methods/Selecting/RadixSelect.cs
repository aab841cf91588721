namespace MergeTasks.Methods.Selecting;

/// <summary>Finds the element of a given rank in linear time, whatever the values: by their leading digits, then the next ones.</summary>
internal static class RadixSelect
{
    private const int DigitBits = 11;

    /// <summary>The element that would stand at <paramref name="rank"/> if the values were sorted in descending order.</summary>
    /// <param name="values">The values; reordered.</param>
    /// <param name="rank">From 0.</param>
    public static uint Descending(Span<uint> values, int rank)
    {
        Span<int> counts = stackalloc int[1 << DigitBits];
        for (var bits = 32; ; bits -= DigitBits)
        {
            var shift = Math.Max(0, bits - DigitBits);
            var digits = (1u << (bits - shift)) - 1;
            counts.Clear();
            foreach (var value in values)
                counts[(int)((value >> shift) & digits)]++;
            var digit = (int)digits;
            for (; rank >= counts[digit]; digit--)
                rank -= counts[digit];
            var kept = 0;
            foreach (var value in values)
            {
                if (((value >> shift) & digits) == (uint)digit)
                    values[kept++] = value;
            }

            values = values[..kept];
            if (shift == 0)
                return values[0];
        }
    }
}
