using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using System.Text;

namespace MergeTasks.Merging.Methods;

/// <summary>
/// The counter-based generator Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): the random number of an
/// element is a function of a key and the element's index, so masks depend on neither threads nor blocks.
/// </summary>
/// <remarks>
/// Eight consecutive counters give 32 words; element 32·g + 8·w + l takes word w of counter 8·g + l. That order lets eight counters
/// run side by side in vector lanes without shuffling their output.
/// </remarks>
internal sealed class Philox
{
    private const int Group = 32;
    private const int Lanes = 8;
    private const int Rounds = 10;
    private const ulong Multiplier0 = 0xD2511F53;
    private const ulong Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;

    private readonly uint _key0;
    private readonly uint _key1;

    /// <summary>Keys the generator on what a mask may depend on.</summary>
    public Philox(long seed, string tensor, int position)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{seed}\n{position}\n{tensor}")));
        _key0 = BinaryPrimitives.ReadUInt32LittleEndian(hash);
        _key1 = BinaryPrimitives.ReadUInt32LittleEndian(hash.AsSpan(4));
    }

    internal Philox(uint key0, uint key1) => (_key0, _key1) = (key0, key1);

    /// <summary>Sets elements to zero with probability 1 − <paramref name="probability"/>.</summary>
    /// <param name="start">Flat index of the first element; a multiple of 32.</param>
    /// <param name="probability">Share of elements kept, below 1.</param>
    /// <param name="values">The elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Keep(long start, float probability, Span<float> values)
    {
        var limit = Vector512.Create(Limit(probability));
        Span<uint> words = stackalloc uint[Group];
        for (var i = 0; i < values.Length; i += Group)
        {
            Words((ulong)((start + i) / Group * Lanes), words);
            if (values.Length - i >= Group)
            {
                for (var half = 0; half < Group; half += Vector512<uint>.Count)
                {
                    var keep = Vector512.LessThan(Vector512.Create((ReadOnlySpan<uint>)words[half..]), limit).AsSingle();
                    (Vector512.Create((ReadOnlySpan<float>)values[(i + half)..]) & keep).CopyTo(values[(i + half)..]);
                }
            }
            else
            {
                for (var j = i; j < values.Length; j++)
                    values[j] = words[j - i] < limit[0] ? values[j] : 0;
            }
        }
    }

    /// <summary>The words of 32 elements.</summary>
    /// <param name="start">Flat index of the first element; a multiple of 32.</param>
    /// <param name="words">Room for 32.</param>
    public void Draw(long start, Span<uint> words) => Words((ulong)(start / Group * Lanes), words);

    /// <summary>An element is kept with a probability if its word lies below this: probability · 2³².</summary>
    public static uint Limit(float probability) => (uint)Math.Min(uint.MaxValue, Math.Round(probability * 4294967296.0));

    /// <summary>The 32 words of eight counters, word by word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Words(ulong counter, Span<uint> words)
    {
        var counters = Vector512.Create(counter) + Vector512<ulong>.Indices;
        var (c0, c1, c2, c3) = (counters, counters >>> 32, Vector512<ulong>.Zero, Vector512<ulong>.Zero);
        var (key0, key1) = (_key0, _key1);
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = MultiplyLow(c0, Multiplier0);
            var product1 = MultiplyLow(c2, Multiplier1);
            c0 = (product1 >>> 32) ^ c1 ^ Vector512.Create((ulong)key0);
            c1 = product1;
            c2 = (product0 >>> 32) ^ c3 ^ Vector512.Create((ulong)key1);
            c3 = product0;
            key0 += Weyl0;
            key1 += Weyl1;
        }

        Vector512.Narrow(c0, c1).CopyTo(words);
        Vector512.Narrow(c2, c3).CopyTo(words[(2 * Lanes)..]);
    }

    // The product of the lower halves of 64-bit lanes; what stands in the upper halves does not matter. One instruction where there is one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> MultiplyLow(Vector512<ulong> lanes, ulong factor) =>
        Avx512F.IsSupported
            ? Avx512F.Multiply(lanes.AsUInt32(), Vector512.Create(factor).AsUInt32())
            : (lanes & Vector512.Create(0xFFFF_FFFFul)) * factor;
}
