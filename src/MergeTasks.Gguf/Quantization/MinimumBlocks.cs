namespace MergeTasks.Gguf.Quantization;

/// <summary>
/// Q4_K and Q5_K: 256 elements in eight parts, x = d · s · q − m · n with binary16 d and m, and for each part s and n of 6 bits. The codes'
/// lower 4 bits lie in 32 bytes for every two parts (the first part in the lower halves); of Q5_K, the fifth bits lie in 32 bytes before
/// them, bit p of byte i for element i of part p.
/// </summary>
internal static class MinimumBlocks
{
    private const int Elements = 256;
    private const int Part = 32;
    private const int Parts = Elements / Part;
    private const int Most = 63;
    private const int Packed = 4;
    private const int AfterPacked = Packed + 12;

    /// <summary>Encodes a block.</summary>
    public static void Encode(ReadOnlySpan<float> values, Span<byte> block, bool hasFifthBit)
    {
        block.Clear();
        Span<float> scales = stackalloc float[Parts];
        Span<float> minima = stackalloc float[Parts];
        var (largestScale, largestMinimum) = (0f, 0f);
        for (var part = 0; part < Parts; part++)
        {
            (scales[part], minima[part]) = ScaleSearch.WithMinimum(values.Slice(part * Part, Part), hasFifthBit ? 31 : 15);
            largestScale = MathF.Max(largestScale, scales[part]);
            largestMinimum = MathF.Max(largestMinimum, minima[part]);
        }

        var scale = BlockEncoding.WriteHalf(block, largestScale / Most);
        var minimum = BlockEncoding.WriteHalf(block[2..], largestMinimum / Most);
        var codes = block[(AfterPacked + (hasFifthBit ? Part : 0))..];
        for (var part = 0; part < Parts; part++)
        {
            var (s, n) = (SmallBlocks.Code(scales[part], scale, 0, Most), SmallBlocks.Code(minima[part], minimum, 0, Most));
            Pack(block.Slice(Packed, 12), part, s, n);
            for (var i = 0; i < Part; i++)
            {
                var code = SmallBlocks.Code(values[part * Part + i] + minimum * n, scale * s, 0, hasFifthBit ? 31 : 15);
                codes[part / 2 * Part + i] |= (byte)((code & 15) << (part % 2 * 4));
                if (hasFifthBit)
                    block[AfterPacked + i] |= (byte)((code >> 4) << part);
            }
        }
    }

    /// <summary>Undoes <see cref="Encode"/>.</summary>
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values, bool hasFifthBit)
    {
        var (scale, minimum) = (BlockEncoding.ReadHalf(block), BlockEncoding.ReadHalf(block[2..]));
        var codes = block[(AfterPacked + (hasFifthBit ? Part : 0))..];
        for (var part = 0; part < Parts; part++)
        {
            var (s, n) = Unpack(block.Slice(Packed, 12), part);
            for (var i = 0; i < Part; i++)
            {
                var code = (codes[part / 2 * Part + i] >> (part % 2 * 4)) & 15;
                if (hasFifthBit)
                    code |= ((block[AfterPacked + i] >> part) & 1) << 4;
                values[part * Part + i] = scale * s * code - minimum * n;
            }
        }
    }

    // Twelve bytes: the lower 6 bits of bytes 0 to 3 and 4 to 7 are the scales and minima of parts 0 to 3; those of parts 4 to 7 have their
    // lower 4 bits in bytes 8 to 11 and their upper 2 bits on top of those of the parts four before.
    private static void Pack(Span<byte> packed, int part, int scale, int minimum)
    {
        if (part < 4)
        {
            packed[part] |= (byte)scale;
            packed[part + 4] |= (byte)minimum;
        }
        else
        {
            packed[part + 4] = (byte)((scale & 15) | ((minimum & 15) << 4));
            packed[part - 4] |= (byte)((scale >> 4) << 6);
            packed[part] |= (byte)((minimum >> 4) << 6);
        }
    }

    private static (int Scale, int Minimum) Unpack(ReadOnlySpan<byte> packed, int part) => part < 4
        ? (packed[part] & Most, packed[part + 4] & Most)
        : ((packed[part + 4] & 15) | ((packed[part - 4] >> 6) << 4), (packed[part + 4] >> 4) | ((packed[part] >> 6) << 4));
}
