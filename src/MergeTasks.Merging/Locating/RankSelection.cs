using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MergeTasks.Merging.Measuring;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Locating;

/// <summary>
/// Finds the cuts that keep a given number of elements of largest rank in each part. A part of whole tensors is never held in memory: two
/// passes count the upper and the lower halves of the ranks. A row is small, and selected from a copy.
/// Among equal ranks all are kept, or the first tensor, then the lowest flat index, up to an exact number.
/// </summary>
internal sealed class RankSelection
{
    private const int HalfBits = 16;
    private const uint LowerHalf = 0xFFFF;
    private const int BlockLength = 1 << 16;

    private readonly DeltaPartition _partition;
    private readonly WorkerTeam _team;
    private readonly RankReader[] _readers;
    private readonly uint[][] _ranks;
    private readonly long[][] _counts;
    private readonly Dictionary<int, (uint Half, long Count)[]> _uppers = [];

    public RankSelection(DeltaPartition partition, WorkerTeam team, Func<RankReader> reader)
    {
        _partition = partition;
        _team = team;
        _readers = [.. Enumerable.Range(0, team.Count).Select(_ => reader())];
        _ranks = [.. _readers.Select(_ => new uint[BlockLength])];
        _counts = [.. _readers.Select(_ => new long[1 << HalfBits])];
    }

    /// <summary>The cut of every tensor.</summary>
    public TensorCut[] Find(ModelKeep keep)
    {
        var cuts = new TensorCut[_partition.Tensors.Count];
        foreach (var part in keep.Parts.Where(part => part.Unit is null))
            SelectWhole(part, keep.KeepsTies, cuts);
        foreach (var group in keep.Parts.Where(part => part.Unit is not null).GroupBy(part => part.Tensors[0]))
            SelectRows([.. group], keep.KeepsTies, cuts);
        return cuts;
    }

    private void SelectWhole(KeptPart part, bool keepsTies, TensorCut[] cuts)
    {
        var threshold = TensorCut.None;
        var quota = 0L;
        if (keepsTies && part.Keep >= _partition.ElementsOf(part.Tensors))
        {
            threshold = TensorCut.Least;
        }
        else if (part.Keep > 0)
        {
            var above = 0L;
            var upper = Bucket(Uppers(part.Tensors), part.Keep, ref above);
            var lower = Bucket(Lowers(part.Tensors, upper), part.Keep, ref above);
            threshold = Math.Max((upper << HalfBits) | lower, TensorCut.Least);
            quota = part.Keep - above;
        }

        foreach (var tensor in part.Tensors)
            cuts[tensor] = new TensorCut(
                _partition.Tensors[tensor],
                [threshold],
                [keepsTies ? long.MaxValue : LastTie(_partition.Tensors[tensor], threshold, ref quota)]);
    }

    // How many elements have each upper half, from the largest, as far as there are any: counted once for all numbers that are asked for.
    private (uint Half, long Count)[] Uppers(IReadOnlyList<int> tensors)
    {
        if (!_uppers.TryGetValue(tensors[0], out var known))
            _uppers[tensors[0]] = known = Count(tensors, static (ranks, counts) =>
            {
                foreach (var rank in ranks)
                    counts[rank >> HalfBits]++;
                counts[0] -= ranks.Count(0u);
            });
        return known;
    }

    // How many of those with one upper half have each lower one.
    private (uint Half, long Count)[] Lowers(IReadOnlyList<int> tensors, uint upper) => Count(tensors, (ranks, counts) =>
    {
        ref readonly var first = ref MemoryMarshal.GetReference(ranks);
        var half = Vector512.Create(upper);
        var i = 0;
        for (; i <= ranks.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
        {
            var isIn = Vector512.Equals(Vector512.LoadUnsafe(in first, (nuint)i) >> HalfBits, half).ExtractMostSignificantBits();
            for (; isIn != 0; isIn &= isIn - 1)
                counts[ranks[i + BitOperations.TrailingZeroCount(isIn)] & LowerHalf]++;
        }

        for (; i < ranks.Length; i++)
        {
            if (ranks[i] >> HalfBits == upper)
                counts[ranks[i] & LowerHalf]++;
        }

        if (upper == 0)
            counts[0] -= ranks.Count(0u);
    });

    private (uint Half, long Count)[] Count(IReadOnlyList<int> tensors, Action<Span<uint>, long[]> count)
    {
        foreach (var own in _counts)
            Array.Clear(own);
        foreach (var tensor in tensors.Select(index => _partition.Tensors[index]))
            _team.Run(Blocks(tensor), sequential: false, (worker, block) => count(Ranks(worker, tensor, block), _counts[worker]));
        foreach (var other in _counts.Skip(1))
            TensorPrimitives.Add(_counts[0], other, _counts[0]);
        var found = new List<(uint, long)>();
        for (var half = _counts[0].Length - 1; half >= 0; half--)
        {
            if (_counts[0][half] > 0)
                found.Add(((uint)half, _counts[0][half]));
        }

        return [.. found];
    }

    // Walks down from the largest until the bucket of the last one kept.
    private static uint Bucket((uint Half, long Count)[] counts, long keep, ref long above)
    {
        foreach (var (half, count) in counts)
        {
            if (above + count >= keep || half == 0)
                return half;
            above += count;
        }

        return 0;
    }

    // The element at which the quota of ties is used up; the whole tensor where it is not.
    private long LastTie(DeltaTensor tensor, uint threshold, ref long quota)
    {
        if (threshold == TensorCut.None || quota <= 0)
            return -1;
        for (var block = 0L; block < Blocks(tensor); block++)
        {
            var ranks = Ranks(0, tensor, block);
            for (var i = 0; i < ranks.Length; i++)
            {
                if (ranks[i] == threshold && --quota == 0)
                    return (block * BlockLength) + i;
            }
        }

        return long.MaxValue;
    }

    private void SelectRows(IReadOnlyList<KeptPart> rows, bool keepsTies, TensorCut[] cuts)
    {
        var members = rows[0].Tensors;
        foreach (var index in members)
            cuts[index] = new TensorCut(_partition.Tensors[index], new uint[rows.Count], new long[rows.Count]);
        var matrix = _partition.Tensors[members[0]];
        var whole = matrix.UnitsAreColumns ? All(matrix) : null;
        var bias = members.Count > 1 ? All(_partition.Tensors[members[1]]) : null;
        var length = (int)(matrix.Elements / matrix.Units);
        _team.Run(rows.Count, sequential: false, (worker, number) =>
        {
            var row = rows[(int)number];
            var unit = row.Unit!.Value;
            var ranks = new uint[length + (bias is null ? 0 : 1)];
            long At(long i) => !matrix.UnitsAreColumns
                ? (unit * length) + i
                : (unit / matrix.Columns * matrix.Matrix) + (i * matrix.Columns) + (unit % matrix.Columns);
            if (whole is null)
                _readers[worker].Read(matrix.Name, unit * length, ranks.AsSpan(0, length));
            else
                for (var i = 0; i < length; i++)
                    ranks[i] = whole[At(i)];
            if (bias is not null)
                ranks[length] = bias[unit];
            var (threshold, last) = Select(ranks, row.Keep);
            if (keepsTies)
                last = long.MaxValue;
            cuts[members[0]].Thresholds[unit] = threshold;
            cuts[members[0]].LastTies[unit] = last < 0 ? -1
                : last >= length ? long.MaxValue
                : At(last);
            if (bias is null)
                return;
            cuts[members[1]].Thresholds[unit] = threshold;
            cuts[members[1]].LastTies[unit] = last >= length ? long.MaxValue : -1;
        });
    }

    private static (uint Threshold, long LastTie) Select(uint[] ranks, long keep)
    {
        if (keep <= 0)
            return (TensorCut.None, -1);
        var sorted = (uint[])ranks.Clone();
        Array.Sort(sorted);
        var threshold = sorted[Math.Max(0, sorted.Length - keep)];
        if (threshold == 0)
            return (1, long.MaxValue);
        var quota = keep - sorted.LongCount(rank => rank > threshold);
        for (var i = 0; i < ranks.Length; i++)
        {
            if (ranks[i] == threshold && --quota == 0)
                return (threshold, i);
        }

        return (threshold, long.MaxValue);
    }

    private uint[] All(DeltaTensor tensor)
    {
        var ranks = new uint[tensor.Elements];
        _readers[0].Read(tensor.Name, 0, ranks);
        return ranks;
    }

    private static long Blocks(DeltaTensor tensor) => (tensor.Elements + BlockLength - 1) / BlockLength;

    private Span<uint> Ranks(int worker, DeltaTensor tensor, long block)
    {
        var start = block * BlockLength;
        var ranks = _ranks[worker].AsSpan(0, (int)Math.Min(BlockLength, tensor.Elements - start));
        _readers[worker].Read(tensor.Name, start, ranks);
        return ranks;
    }
}
