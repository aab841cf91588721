using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using System.Text;

namespace MergeTasks.Methods.Random;

/// <summary>
/// The counter-based generator Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): the random number of an
/// element is a function of a key and the element's index, so masks depend on neither threads nor blocks.
/// </summary>
/// <remarks>
/// Eight counters, side by side in vector lanes, decide on 64 elements: element 64·g + 32·v + 4·l + h takes bits 64·v + 16·h to
/// 64·v + 16·h + 15 of the 128 bits that counter 8·g + l gives. Where these 16 bits cannot decide (once in 65536 elements),
/// 32 bits of a second stream, whose counter is the element's index, do.
/// </remarks>
internal sealed class Philox
{
    /// <summary>Elements that are decided on together.</summary>
    public const int Group = 64;

    // Counters of a group, 16-bit parts of two words of one, and where a group's parts of words 2 and 3 begin.
    private const int Lanes = 8;
    private const int PartsOfWords = 4;
    private const int HighWords = Lanes * PartsOfWords;
    private const int Rounds = 10;
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;

    private readonly ulong[] _keys0 = new ulong[Rounds];
    private readonly ulong[] _keys1 = new ulong[Rounds];

    /// <summary>Keys the generator on what a mask may depend on.</summary>
    public static Philox For(long seed, string tensor, int position)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{seed}\n{position}\n{tensor}")));
        return new Philox(BinaryPrimitives.ReadUInt32LittleEndian(hash), BinaryPrimitives.ReadUInt32LittleEndian(hash.AsSpan(4)));
    }

    internal Philox(uint key0, uint key1)
    {
        for (var round = 0u; round < Rounds; round++)
        {
            _keys0[round] = key0 + (round * Weyl0);
            _keys1[round] = key1 + (round * Weyl1);
        }
    }

    /// <summary>Decides which elements are kept.</summary>
    /// <param name="start">Flat index of the first element; a multiple of <see cref="Group"/>.</param>
    /// <param name="probability">Share of elements kept, below 1.</param>
    /// <param name="kept">A bit for each element, 64 to a word from the lowest on; set if it is kept.</param>
    public void Keep(long start, float probability, Span<ulong> kept)
    {
        if (Vector512.IsHardwareAccelerated)
            Keep<Vector512<ulong>, CounterLanes512>(start, probability, kept);
        else if (Vector256.IsHardwareAccelerated)
            Keep<Vector256<ulong>, CounterLanes256>(start, probability, kept);
        else
            Keep<Vector128<ulong>, CounterLanes128>(start, probability, kept);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Keep<TVector, TLanes>(long start, float probability, Span<ulong> kept)
        where TVector : struct
        where TLanes : struct, ICounterLanes<TVector>
    {
        var scaled = probability * 65536.0;
        var limit = (ushort)scaled;
        var fraction = (scaled - limit) * 4294967296.0;
        for (var i = 0; i < kept.Length; i++)
        {
            var counter = (ulong)((start / Group) + i) * Lanes;
            var (decided, undecided) = (0ul, 0ul);
            for (var lane = 0; lane < Lanes; lane += TLanes.Count)
            {
                var (low, high) = Numbers<TVector, TLanes>(counter + (ulong)lane, 0);
                decided |= Bits(TLanes.Below(low, limit), TLanes.Below(high, limit), lane);
                if (TLanes.HasAt(low, high, limit))
                    undecided |= Bits(TLanes.At(low, limit), TLanes.At(high, limit), lane);
            }

            for (; undecided != 0; undecided &= undecided - 1)
            {
                var bit = BitOperations.TrailingZeroCount(undecided);
                if (SecondNumber(start + ((long)i * Group) + bit) < fraction)
                    decided |= 1UL << bit;
            }

            kept[i] = decided;
        }
    }

    /// <summary>
    /// Decides as the other overload does, with a probability for each element, and sets those to zero that are not kept.
    /// </summary>
    /// <param name="start">Flat index of the first element; a multiple of <see cref="Group"/>.</param>
    /// <param name="probabilities">At least one for each element.</param>
    /// <param name="values">The elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Keep(long start, ReadOnlySpan<float> probabilities, Span<float> values)
    {
        Span<ushort> numbers = stackalloc ushort[Group];
        for (var i = 0; i < values.Length; i++)
        {
            if (i % Group == 0)
                Numbers((ulong)((start + i) / Group) * Lanes, 0, numbers);

            var scaled = probabilities[i] * 65536.0;
            var limit = (uint)scaled;
            var number = numbers[i % Group];
            if (number > limit || (number == limit && SecondNumber(start + i) >= (scaled - limit) * 4294967296.0))
                values[i] = 0;
        }
    }

    /// <summary>What eight consecutive counters of a stream give: words 0 and 1 of each, then words 2 and 3.</summary>
    internal void Numbers(ulong counter, ulong stream, Span<ushort> numbers)
    {
        // Few are asked for, one by one: the width that every processor has will do.
        ref var first = ref MemoryMarshal.GetReference(numbers[..Group]);
        for (var lane = 0; lane < Lanes; lane += CounterLanes128.Count)
        {
            var (low, high) = Numbers<Vector128<ulong>, CounterLanes128>(counter + (ulong)lane, stream);
            CounterLanes128.Store(low, ref Unsafe.Add(ref first, lane * PartsOfWords));
            CounterLanes128.Store(high, ref Unsafe.Add(ref first, HighWords + (lane * PartsOfWords)));
        }
    }

    // A bit for each part of a group, of those that the lanes from one on gave.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Bits(ulong low, ulong high, int lane) => (low | (high << HighWords)) << (lane * PartsOfWords);

    private uint SecondNumber(long element) => Numbers<Vector128<ulong>, CounterLanes128>((ulong)element, 1).Low.AsUInt32()[0];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (TVector Low, TVector High) Numbers<TVector, TLanes>(ulong counter, ulong stream)
        where TVector : struct
        where TLanes : struct, ICounterLanes<TVector>
    {
        var c0 = TLanes.CountFrom(counter);
        var (c1, c2, c3) = (TLanes.Upper(c0), TLanes.Create(stream), TLanes.Create(0));
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = TLanes.MultiplyLow(c0, Multiplier0);
            var product1 = TLanes.MultiplyLow(c2, Multiplier1);
            c0 = TLanes.Xor(TLanes.Xor(TLanes.Upper(product1), c1), TLanes.Create(_keys0[round]));
            c1 = product1;
            c2 = TLanes.Xor(TLanes.Xor(TLanes.Upper(product0), c3), TLanes.Create(_keys1[round]));
            c3 = product0;
        }

        // Between the rounds, the upper halves of the lanes hold what nobody reads.
        return (TLanes.Join(c0, c1), TLanes.Join(c2, c3));
    }
}
