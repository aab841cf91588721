using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Selecting;

/// <summary>The largest elements of one model's delta: which magnitudes they have, and which elements where some are equal.</summary>
internal sealed class MagnitudeSelection
{
    private readonly long _elements;
    private readonly long _keep;
    private readonly int _capacity;
    private uint[] _sample = [];
    private MagnitudeBracket? _bracket;
    private MagnitudeHistogram? _histogram;
    private int[] _atUpper = [];
    private int[] _atLower = [];
    private long[]? _tiesBefore;
    private uint _threshold;
    private long _above;
    private long _at;
    private bool _isFound;

    /// <summary>Prepares.</summary>
    /// <param name="elements">Elements of the tensor.</param>
    /// <param name="keep">How many to keep.</param>
    /// <param name="capacity">Most magnitudes to hold in memory.</param>
    public MagnitudeSelection(long elements, long keep, int capacity)
    {
        _elements = elements;
        _keep = keep;
        _capacity = capacity;
        KeepsAll = keep >= elements;
    }

    /// <summary>Whether of equal magnitudes at the threshold those of highest index are kept.</summary>
    public bool KeepsLastTies { get; init; }

    /// <summary>Whether there is nothing to find out.</summary>
    public bool IsTrivial => KeepsAll || KeepsNone;

    /// <summary>Whether the threshold is known; if not after <see cref="EndBracket"/>, the bracket missed it.</summary>
    public bool IsFound => IsTrivial || _isFound;

    /// <summary>Whether equal magnitudes stand at the threshold, not all fit, and where they are is unknown.</summary>
    public bool NeedsTies => HasTies && _tiesBefore is null;

    /// <summary>The smallest magnitude kept, once it is found.</summary>
    public float Threshold => BitConverter.UInt32BitsToSingle(_threshold);

    /// <summary>Whether everything is kept.</summary>
    public bool KeepsAll { get; }

    private bool KeepsNone => !KeepsAll && _keep <= 0;

    // Zeros at the threshold need no care: kept or dropped, they stay zero.
    private bool HasTies => !IsTrivial && _isFound && _threshold != 0 && _above + _at > _keep;

    private int BlockCount => checked((int)TensorMerge.BlockCount(_elements));

    public void BeginSample(int blocks) => _sample = new uint[blocks * MagnitudeBracket.SamplesPerBlock];

    public void Sample(long block, ReadOnlySpan<float> delta)
    {
        var sample = _sample.AsSpan(checked((int)(block * MagnitudeBracket.SamplesPerBlock)), MagnitudeBracket.SamplesPerBlock);
        var step = Math.Max(1, delta.Length / sample.Length);
        for (var i = 0; i < sample.Length; i++)
        {
            // Scattered, because a regular grid would always meet the same columns of a matrix.
            var scattered = (int)((((uint)i + (uint)block) * 2654435769u >> 16) % (uint)step);
            sample[i] = BitConverter.SingleToUInt32Bits(delta[(i * delta.Length / sample.Length) + scattered]) & MagnitudeBits.Mask;
        }
    }

    public void BeginBracket()
    {
        _bracket = _sample.Length == 0
            ? MagnitudeBracket.Everything(_capacity)
            : MagnitudeBracket.Estimate(_sample, (double)_keep / _elements, _capacity);
        _sample = [];
        (_atUpper, _atLower) = (new int[BlockCount], new int[BlockCount]);
    }

    public void Bracket(long block, ReadOnlySpan<float> delta)
    {
        var (lower, upper) = (_bracket!.Lower, _bracket.Upper);
        (var above, _atUpper[block]) = MagnitudeBits.Count(delta, upper);
        Interlocked.Add(ref _above, above);
        if (lower == upper)
            return;
        (_, _atLower[block]) = MagnitudeBits.Count(delta, lower);
        Span<uint> between = stackalloc uint[TensorMerge.BlockLength];
        _bracket.Collect(block, between[..MagnitudeBits.CollectBetween(delta, lower, upper, between)]);
    }

    /// <summary>Walks down from the largest magnitudes: those above the bracket, at its upper end, within, at its lower end.</summary>
    public void EndBracket()
    {
        var (bracket, between) = (_bracket!, _bracket!.Count);
        var (atUpper, atLower) = (Sum(_atUpper), Sum(_atLower));
        if (_above <= _keep && _keep <= _above + atUpper)
        {
            Found(bracket.Upper, _above, atUpper);
            CountTies(_atUpper);
        }
        else if (_above + atUpper < _keep && _keep <= _above + atUpper + between && !bracket.IsOverfull)
        {
            var (magnitude, above, at) = bracket.Select((int)(_keep - _above - atUpper - 1));
            Found(magnitude, _above + atUpper + above, at);
            if (HasTies)
                CountTies(bracket.CountAt(magnitude, BlockCount));
        }
        else if (_above + atUpper + between < _keep && _keep <= _above + atUpper + between + atLower)
        {
            Found(bracket.Lower, _above + atUpper + between, atLower);
            CountTies(_atLower);
        }

        (_bracket, _atUpper, _atLower) = (null, [], []);
    }

    public void BeginHistogram(int workers) => _histogram ??= new MagnitudeHistogram(workers, _keep);

    public void Histogram(int worker, ReadOnlySpan<float> delta) => _histogram!.Count(worker, delta);

    public void EndHistogram(bool isLast)
    {
        _histogram!.EndPass();
        if (isLast)
            Found(_histogram.Threshold, _histogram.Above, _histogram.At);
    }

    public void BeginTies() => _atUpper = new int[BlockCount];

    public void Ties(long block, ReadOnlySpan<float> delta) => (_, _atUpper[block]) = MagnitudeBits.Count(delta, _threshold);

    public void EndTies() => CountTies(_atUpper);

    /// <summary>Sets what is not kept to zero.</summary>
    public void Mask(long block, Span<float> delta)
    {
        if (KeepsAll)
            return;
        if (KeepsNone)
        {
            delta.Clear();
            return;
        }

        if (HasTies && KeepsLastTies)
        {
            MagnitudeBits.KeepLastTies(delta, _threshold, _above + _at - _keep - _tiesBefore![block]);
            return;
        }

        var quota = HasTies ? _keep - _above - _tiesBefore![block] : long.MaxValue;
        if (quota <= 0)
            MagnitudeBits.KeepFrom(delta, _threshold + 1);
        else if (quota == long.MaxValue || quota >= _tiesBefore![block + 1] - _tiesBefore[block])
            MagnitudeBits.KeepFrom(delta, _threshold);
        else
            MagnitudeBits.KeepFirstTies(delta, _threshold, quota);
    }

    private static long Sum(int[] perBlock)
    {
        var sum = 0L;
        foreach (var count in perBlock)
            sum += count;
        return sum;
    }

    private void Found(uint threshold, long above, long at)
    {
        (_threshold, _above, _at) = (threshold, above, at);
        _isFound = true;
    }

    private void CountTies(int[] perBlock)
    {
        if (!HasTies)
            return;
        _tiesBefore = new long[perBlock.Length + 1];
        for (var block = 0; block < perBlock.Length; block++)
            _tiesBefore[block + 1] = _tiesBefore[block] + perBlock[block];
        _atUpper = [];
    }
}
