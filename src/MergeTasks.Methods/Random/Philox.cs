using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
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

    private const int Lanes = 8;
    private const int Rounds = 10;
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;

    private readonly Vector512<ulong>[] _keys0 = new Vector512<ulong>[Rounds];
    private readonly Vector512<ulong>[] _keys1 = new Vector512<ulong>[Rounds];

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
            _keys0[round] = Vector512.Create((ulong)(key0 + (round * Weyl0)));
            _keys1[round] = Vector512.Create((ulong)(key1 + (round * Weyl1)));
        }
    }

    /// <summary>Decides which elements are kept.</summary>
    /// <param name="start">Flat index of the first element; a multiple of <see cref="Group"/>.</param>
    /// <param name="probability">Share of elements kept, below 1.</param>
    /// <param name="kept">A bit for each element, 64 to a word from the lowest on; set if it is kept.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Keep(long start, float probability, Span<ulong> kept)
    {
        var scaled = probability * 65536.0;
        var limit = (ushort)scaled;
        var limits = Vector512.Create(limit);
        var fraction = (scaled - limit) * 4294967296.0;
        for (var i = 0; i < kept.Length; i++)
        {
            var (low, high) = Numbers((ulong)((start / Group) + i) * Lanes, 0);
            kept[i] = Vector512.LessThan(low, limits).ExtractMostSignificantBits()
                | (Vector512.LessThan(high, limits).ExtractMostSignificantBits() << 32);
            var undecided = Vector512.Equals(low, limits).ExtractMostSignificantBits()
                | (Vector512.Equals(high, limits).ExtractMostSignificantBits() << 32);
            for (; undecided != 0; undecided &= undecided - 1)
            {
                var bit = BitOperations.TrailingZeroCount(undecided);
                if (Numbers((ulong)(start + ((long)i * Group) + bit), 1).Low.AsUInt32()[0] < fraction)
                    kept[i] |= 1UL << bit;
            }
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
            {
                var (low, high) = Numbers((ulong)((start + i) / Group) * Lanes, 0);
                low.CopyTo(numbers);
                high.CopyTo(numbers[Vector512<ushort>.Count..]);
            }

            var scaled = probabilities[i] * 65536.0;
            var limit = (uint)scaled;
            var number = numbers[i % Group];
            if (number > limit || (number == limit && Numbers((ulong)(start + i), 1).Low.AsUInt32()[0] >= (scaled - limit) * 4294967296.0))
                values[i] = 0;
        }
    }

    /// <summary>What eight consecutive counters of a stream give: words 0 and 1 of each, and words 2 and 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal (Vector512<ushort> Low, Vector512<ushort> High) Numbers(ulong counter, ulong stream)
    {
        var counters = Vector512.Create(counter) + Vector512<ulong>.Indices;
        var (c0, c1, c2, c3) = (counters, counters >>> 32, Vector512.Create(stream), Vector512<ulong>.Zero);
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = MultiplyLow(c0, Multiplier0);
            var product1 = MultiplyLow(c2, Multiplier1);
            c0 = (product1 >>> 32) ^ c1 ^ _keys0[round];
            c1 = product1;
            c2 = (product0 >>> 32) ^ c3 ^ _keys1[round];
            c3 = product0;
        }

        return (Join(c0, c1), Join(c2, c3));
    }

    // Between the rounds, the upper halves of the lanes hold what nobody reads.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ushort> Join(Vector512<ulong> lower, Vector512<ulong> upper) =>
        Vector512.ConditionalSelect(Vector512.Create(0xFFFF_FFFFul), lower, upper << 32).AsUInt16();

    // The product of the lower halves of 64-bit lanes. One instruction where there is one. The factor is made as 32-bit lanes, because one
    // made as 64-bit lanes and read as these becomes another number in the first tier of .NET 10's JIT.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> MultiplyLow(Vector512<ulong> lanes, uint factor) =>
        Avx512F.IsSupported
            ? Avx512F.Multiply(lanes.AsUInt32(), Vector512.Create(factor))
            : (lanes & Vector512.Create(0xFFFF_FFFFul)) * (ulong)factor;
}
