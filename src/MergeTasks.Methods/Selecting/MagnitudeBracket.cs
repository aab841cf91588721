namespace MergeTasks.Methods.Selecting;

/// <summary>
/// Two magnitudes between which the threshold of one model's delta probably lies, estimated from a sample, and what one pass over the
/// tensor counts and collects about them. If the threshold lies there, it is found exactly.
/// </summary>
internal sealed class MagnitudeBracket
{
    /// <summary>Elements sampled from a block.</summary>
    public const int SamplesPerBlock = 256;

    // Standard errors to either side of the estimate: a miss costs two passes, a width of this size some percent of collected elements.
    private const double Width = 5;

    private readonly Lock _gate = new();
    private readonly List<(long Block, uint[] Values)> _collected = [];
    private readonly int _capacity;

    private MagnitudeBracket(uint lower, uint upper, int capacity)
    {
        Lower = lower;
        Upper = upper;
        _capacity = capacity;
    }

    /// <summary>The lower end's bit pattern.</summary>
    public uint Lower { get; }

    /// <summary>The upper end's bit pattern.</summary>
    public uint Upper { get; }

    /// <summary>Magnitudes strictly between the ends.</summary>
    public long Count { get; private set; }

    /// <summary>Whether the magnitudes between the ends were too many to collect.</summary>
    public bool IsOverfull => Count > _capacity;

    /// <summary>The bracket that no threshold misses.</summary>
    public static MagnitudeBracket Everything(int capacity) => new(0, MagnitudeBits.Mask, capacity);

    /// <summary>Estimates a bracket.</summary>
    /// <param name="sample">Magnitudes, <see cref="SamplesPerBlock"/> of each sampled block.</param>
    /// <param name="share">Share of elements that is kept.</param>
    /// <param name="capacity">Most magnitudes to collect.</param>
    public static MagnitudeBracket Estimate(uint[] sample, double share, int capacity)
    {
        var rank = share * sample.Length;
        var middle = At(sample, rank);

        // Neighbouring elements are alike (a row of a matrix has its own scale), so the error shows in how much blocks differ.
        var blocks = sample.Length / SamplesPerBlock;
        var sumOfSquares = 0.0;
        for (var block = 0; block < blocks; block++)
        {
            var above = 0;
            foreach (var magnitude in sample.AsSpan(block * SamplesPerBlock, SamplesPerBlock))
                above += magnitude >= middle ? 1 : 0;
            sumOfSquares += Math.Pow(above - (share * SamplesPerBlock), 2);
        }

        var error = Math.Max(Math.Sqrt(sumOfSquares), Math.Sqrt(share * (1 - share) * sample.Length));
        return new MagnitudeBracket(At(sample, rank + (Width * error)), At(sample, rank - (Width * error)), capacity);
    }

    /// <summary>Adds the magnitudes of a block that lie strictly between the ends; called from several threads.</summary>
    public void Collect(long block, ReadOnlySpan<uint> magnitudes)
    {
        if (magnitudes.IsEmpty)
            return;
        lock (_gate)
        {
            Count += magnitudes.Length;
            if (IsOverfull)
                _collected.Clear();
            else
                _collected.Add((block, magnitudes.ToArray()));
        }
    }

    /// <summary>The collected magnitude at a rank in descending order, and how many lie above it and on it.</summary>
    public (uint Magnitude, int Above, int At) Select(int rank)
    {
        var all = new uint[checked((int)Count)];
        var position = 0;
        foreach (var (_, values) in _collected)
        {
            values.CopyTo(all, position);
            position += values.Length;
        }

        var found = RadixSelect.Descending(all, rank);
        var (above, at) = (0, 0);
        foreach (var (_, values) in _collected)
        {
            foreach (var value in values)
                above += value > found ? 1 : 0;
            at += values.AsSpan().Count(found);
        }

        return (found, above, at);
    }

    /// <summary>How many of each block's collected magnitudes equal one of them.</summary>
    public int[] CountAt(uint magnitude, int blocks)
    {
        var counts = new int[blocks];
        foreach (var (block, values) in _collected)
            counts[block] = values.AsSpan().Count(magnitude);
        return counts;
    }

    private static uint At(uint[] sample, double rank) => rank switch
    {
        < 0 => MagnitudeBits.Mask,
        _ when rank >= sample.Length => 0,
        _ => RadixSelect.Descending([.. sample], (int)rank),
    };
}
