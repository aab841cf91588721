using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Merging.Methods;

/// <summary>
/// Keeps the ⌊density·n⌋ elements of largest magnitude. The threshold is found without sorting: as bit patterns, magnitudes order like
/// integers, so one pass counts their upper halves and a second one the lower halves in the bucket where the threshold lies. Where equal
/// magnitudes stand at the threshold and not all fit, a third pass counts them per block, and the lowest flat indices are kept.
/// </summary>
internal sealed class MagnitudeSparsifier : ISparsifier
{
    private const int UpperBuckets = 1 << 15;
    private const int LowerBuckets = 1 << 16;
    private const uint MagnitudeBits = 0x7FFF_FFFF;

    private readonly Selection[] _selections;
    private readonly int _workers;

    public MagnitudeSparsifier(TensorContext context)
    {
        _workers = context.Workers;
        _selections = [.. context.Inputs.Where(input => !input.IsBase).Select(input =>
            new Selection(context.ElementCount, (long)(input["density"] * context.ElementCount), input["density"] >= 1))];
    }

    public int Passes => Array.TrueForAll(_selections, selection => selection.IsTrivial) ? 0 : 3;

    public bool IsSequential => false;

    public int BeginPass(int pass)
    {
        switch (pass)
        {
            case 0 or 1 when Passes > 0:
                foreach (var selection in _selections)
                    selection.Counts = selection.IsTrivial ? [] : [.. Enumerable.Range(0, _workers).Select(_ => new long[pass == 0 ? UpperBuckets : LowerBuckets])];
                return 0;
            case 2 when Passes > 0:
                return Array.Exists(_selections, selection => selection.HasTies) ? 1 : -1;
            default:
                return 0;
        }
    }

    public void Analyze(int pass, int model, MergeBlock block, ReadOnlySpan<float> delta, Span<double> partials)
    {
        var selection = _selections[model];
        if (selection.IsTrivial)
            return;
        var bits = MemoryMarshal.Cast<float, uint>(delta);
        switch (pass)
        {
            case 0:
                CountUpper(bits, selection.Counts[block.Worker]);
                break;
            case 1:
                CountLower(bits, selection.Threshold >> 16, selection.Counts[block.Worker]);
                break;
            default:
                partials[0] = CountEqual(bits, selection.Threshold);
                break;
        }
    }

    public void EndPass(int pass, double[] partials)
    {
        for (var i = 0; i < _selections.Length; i++)
        {
            if (!_selections[i].IsTrivial)
                _selections[i].EndPass(pass, partials, i, _selections.Length);
        }
    }

    public void Mask(int model, MergeBlock block, Span<float> delta)
    {
        var selection = _selections[model];
        if (selection.KeepsAll)
            return;
        if (selection.KeepsNone)
        {
            delta.Clear();
            return;
        }

        var bits = MemoryMarshal.Cast<float, uint>(delta);
        var quota = selection.TieQuota(block.Index);
        var least = selection.Threshold + (quota == 0 ? 1u : 0u);
        if (quota is > 0 and < long.MaxValue && CountEqual(bits, selection.Threshold) > quota)
            KeepFirstTies(bits, selection.Threshold, quota);
        else
            KeepFrom(bits, least);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CountUpper(ReadOnlySpan<uint> bits, long[] counts)
    {
        foreach (var value in bits)
            counts[(value & MagnitudeBits) >> 16]++;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CountLower(ReadOnlySpan<uint> bits, uint bucket, long[] counts)
    {
        var i = 0;
        for (; i <= bits.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
        {
            var upper = (Vector512.Create(bits[i..]) & Vector512.Create(MagnitudeBits)) >>> 16;
            for (var hits = Vector512.Equals(upper, Vector512.Create(bucket)).ExtractMostSignificantBits(); hits != 0; hits &= hits - 1)
                counts[bits[i + System.Numerics.BitOperations.TrailingZeroCount(hits)] & 0xFFFF]++;
        }

        for (; i < bits.Length; i++)
        {
            if ((bits[i] & MagnitudeBits) >> 16 == bucket)
                counts[bits[i] & 0xFFFF]++;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int CountEqual(ReadOnlySpan<uint> bits, uint threshold)
    {
        var count = 0;
        var i = 0;
        for (; i <= bits.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
        {
            var magnitude = Vector512.Create(bits[i..]) & Vector512.Create(MagnitudeBits);
            count += System.Numerics.BitOperations.PopCount(Vector512.Equals(magnitude, Vector512.Create(threshold)).ExtractMostSignificantBits());
        }

        for (; i < bits.Length; i++)
            count += (bits[i] & MagnitudeBits) == threshold ? 1 : 0;
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void KeepFrom(Span<uint> bits, uint least)
    {
        var i = 0;
        for (; i <= bits.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
        {
            var value = Vector512.Create((ReadOnlySpan<uint>)bits[i..]);
            var keep = Vector512.GreaterThanOrEqual(value & Vector512.Create(MagnitudeBits), Vector512.Create(least));
            (value & keep).CopyTo(bits[i..]);
        }

        for (; i < bits.Length; i++)
            bits[i] = (bits[i] & MagnitudeBits) >= least ? bits[i] : 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void KeepFirstTies(Span<uint> bits, uint threshold, long quota)
    {
        for (var i = 0; i < bits.Length; i++)
        {
            var magnitude = bits[i] & MagnitudeBits;
            if (magnitude < threshold || (magnitude == threshold && quota-- <= 0))
                bits[i] = 0;
        }
    }

    /// <summary>One model's threshold.</summary>
    private sealed class Selection(long elements, long keep, bool keepsAll)
    {
        private long _above;
        private long _atThreshold;
        private long[] _tiesBefore = [];

        public bool KeepsAll { get; } = keepsAll || keep >= elements;

        public bool KeepsNone => !KeepsAll && keep <= 0;

        public bool IsTrivial => KeepsAll || KeepsNone;

        /// <summary>Bit pattern of the smallest magnitude kept.</summary>
        public uint Threshold { get; private set; }

        /// <summary>Per worker, how many elements fell into each bucket.</summary>
        public long[][] Counts { get; set; } = [];

        // Zeros at the threshold need no care: kept or dropped, they stay zero.
        public bool HasTies => !IsTrivial && Threshold != 0 && _above + _atThreshold > keep;

        public void EndPass(int pass, double[] partials, int model, int models)
        {
            switch (pass)
            {
                case 0:
                    Threshold = FindBucket() << 16;
                    break;
                case 1:
                    Threshold |= FindBucket();
                    Counts = [];
                    break;
                default:
                    CountTiesBefore(partials, model, models);
                    break;
            }
        }

        public long TieQuota(long block) => HasTies ? Math.Max(0, keep - _above - _tiesBefore[block]) : long.MaxValue;

        // Walks down from the largest magnitude until the bucket that holds the last element kept.
        private uint FindBucket()
        {
            for (var bucket = Counts[0].Length - 1; ; bucket--)
            {
                var count = Counts.Sum(worker => worker[bucket]);
                if (_above + count >= keep || bucket == 0)
                {
                    _atThreshold = count;
                    return (uint)bucket;
                }

                _above += count;
            }
        }

        private void CountTiesBefore(double[] partials, int model, int models)
        {
            _tiesBefore = new long[partials.Length / models];
            for (var block = 1; block < _tiesBefore.Length; block++)
                _tiesBefore[block] = _tiesBefore[block - 1] + (long)partials[((block - 1) * models) + model];
        }
    }
}
