using System.Buffers.Binary;
using MergeTasks.Gguf.Format;

namespace MergeTasks.Gguf.Quantization;

/// <summary>
/// The blocks that are read and never written. Of codes of 4 bits in blocks of 32, element i lies in the lower half of byte i, and element
/// i + 16 in the upper one. Blocks of 256 with codes of 2 bits have elements i, i + 32, i + 64 and i + 96 of each half in byte i, and a
/// scale for every sixteen elements.
/// </summary>
internal static class ReadBlocks
{
    private const int Half = 16;

    // The levels of IQ4_NL and IQ4_XS, in steps of the scale.
    private static readonly sbyte[] Levels = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    // Twice the numbers of the format E2M1: half of the scale's power of two goes into the exponent.
    private static readonly sbyte[] DoubledE2M1 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    /// <summary>Whether blocks of a type are decoded here.</summary>
    public static bool Has(GgmlType type) => type is GgmlType.Q5_0 or GgmlType.Q5_1 or GgmlType.Q2_K or GgmlType.Q3_K
        or GgmlType.IQ4_NL or GgmlType.IQ4_XS or GgmlType.MXFP4;

    /// <summary>Decodes a block.</summary>
    public static void Decode(GgmlType type, ReadOnlySpan<byte> block, Span<float> values)
    {
        switch (type)
        {
            case GgmlType.Q5_0:
                FiveBits(block[2..], BlockEncoding.ReadHalf(block), -16, 0, values);
                break;
            case GgmlType.Q5_1:
                FiveBits(block[4..], BlockEncoding.ReadHalf(block), 0, BlockEncoding.ReadHalf(block[2..]), values);
                break;
            case GgmlType.Q2_K:
                TwoBits(block, values);
                break;
            case GgmlType.Q3_K:
                ThreeBits(block, values);
                break;
            case GgmlType.IQ4_NL:
                FromLevels(block[2..], Levels, BlockEncoding.ReadHalf(block), values);
                break;
            case GgmlType.IQ4_XS:
                PartsOfLevels(block, values);
                break;
            default:
                FromLevels(block[1..], DoubledE2M1, MathF.ScaleB(1, block[0] - 128), values);
                break;
        }
    }

    // The fifth bits lie in four bytes before the others, bit i for element i.
    private static void FiveBits(ReadOnlySpan<byte> codes, float scale, int offset, float minimum, Span<float> values)
    {
        var upper = BinaryPrimitives.ReadUInt32LittleEndian(codes);
        for (var i = 0; i < 2 * Half; i++)
        {
            var lower = (codes[4 + (i % Half)] >> (i / Half * 4)) & 15;
            values[i] = (scale * ((lower | (int)(((upper >> i) & 1) << 4)) + offset)) + minimum;
        }
    }

    private static void FromLevels(ReadOnlySpan<byte> codes, sbyte[] levels, float scale, Span<float> values)
    {
        for (var i = 0; i < Half; i++)
        {
            values[i] = scale * levels[codes[i] & 15];
            values[i + Half] = scale * levels[codes[i] >> 4];
        }
    }

    // 16 bytes of scales and minima of 4 bits, 64 of codes, and the units of both.
    private static void TwoBits(ReadOnlySpan<byte> block, Span<float> values)
    {
        var (scale, minimum) = (BlockEncoding.ReadHalf(block[80..]), BlockEncoding.ReadHalf(block[82..]));
        for (var i = 0; i < values.Length; i++)
        {
            var part = block[i / Half];
            values[i] = (scale * (part & 15) * CodeOf(block[16..], i)) - (minimum * (part >> 4));
        }
    }

    // 32 bytes with each code's third bit, which takes 4 away where it is 0; 64 with the others; scales of 6 bits in 12; their unit.
    private static void ThreeBits(ReadOnlySpan<byte> block, Span<float> values)
    {
        var packed = block[96..];
        var scale = BlockEncoding.ReadHalf(block[108..]);
        for (var i = 0; i < values.Length; i++)
        {
            var part = i / Half;
            var lower = part < 8 ? packed[part] & 15 : packed[part - 8] >> 4;
            var own = (lower | (((packed[8 + (part % 4)] >> (part / 4 * 2)) & 3) << 4)) - 32;
            var isHigh = ((block[i % 32] >> (i / 32)) & 1) == 1;
            values[i] = scale * own * (CodeOf(block[32..], i) - (isHigh ? 0 : 4));
        }
    }

    private static int CodeOf(ReadOnlySpan<byte> codes, int element) =>
        (codes[(element / 128 * 32) + (element % 32)] >> (element % 128 / 32 * 2)) & 3;

    // Eight parts, whose scales have their upper 2 bits in two bytes and their lower 4 in four.
    private static void PartsOfLevels(ReadOnlySpan<byte> block, Span<float> values)
    {
        var (scale, upper) = (BlockEncoding.ReadHalf(block), BinaryPrimitives.ReadUInt16LittleEndian(block[2..]));
        for (var part = 0; part < 8; part++)
        {
            var own = ((block[4 + (part / 2)] >> (part % 2 * 4)) & 15) | (((upper >> (2 * part)) & 3) << 4);
            FromLevels(block.Slice(8 + (part * Half), Half), Levels, scale * (own - 32), values.Slice(part * 2 * Half, 2 * Half));
        }
    }
}
