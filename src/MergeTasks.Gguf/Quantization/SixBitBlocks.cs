namespace MergeTasks.Gguf.Quantization;

/// <summary>
/// Q6_K: 256 elements in sixteen parts, x = d · s · (q − 32) with one binary16 d, one signed byte s for each part, and codes of 6 bits. Of
/// each half of 128 elements, the codes' lower 4 bits lie in 64 bytes (elements i and i + 64 in byte i), their upper 2 bits in 32 bytes
/// (elements i, i + 32, i + 64 and i + 96 in byte i).
/// </summary>
internal static class SixBitBlocks
{
    private const int Elements = 256;
    private const int Part = 16;
    private const int Upper = 128;
    private const int Scales = Upper + 64;
    private const int Scale = Scales + Elements / Part;
    private const float SmallestHalf = 1f / (1 << 24);

    /// <summary>Encodes a block.</summary>
    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        block.Clear();
        Span<float> scales = stackalloc float[Elements / Part];
        var largest = 0f;
        for (var part = 0; part < scales.Length; part++)
        {
            scales[part] = ScaleSearch.Symmetric(values.Slice(part * Part, Part), 32);
            if (MathF.Abs(scales[part]) > MathF.Abs(largest))
                largest = scales[part];
        }

        // Where the step would vanish in binary16, parts' scales of fewer steps still tell small numbers from zeros.
        var step = largest / -128;
        if (largest != 0 && MathF.Abs(step) < SmallestHalf)
            step = MathF.CopySign(SmallestHalf, step);
        var scale = BlockEncoding.WriteHalf(block[Scale..], step);
        for (var part = 0; part < scales.Length; part++)
        {
            var own = SmallBlocks.Code(scales[part], scale, -128, 127);
            block[Scales + part] = (byte)(sbyte)own;
            for (var i = part * Part; i < (part + 1) * Part; i++)
                Put(block, i, SmallBlocks.Code(values[i], scale * own, -32, 31) + 32);
        }
    }

    /// <summary>Undoes <see cref="Encode"/>.</summary>
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = BlockEncoding.ReadHalf(block[Scale..]);
        for (var i = 0; i < Elements; i++)
        {
            var (low, lowShift, high, highShift) = PlaceOf(i);
            var code = ((block[low] >> lowShift) & 15) | (((block[high] >> highShift) & 3) << 4);
            values[i] = scale * (sbyte)block[Scales + i / Part] * (code - 32);
        }
    }

    private static void Put(Span<byte> block, int element, int code)
    {
        var (low, lowShift, high, highShift) = PlaceOf(element);
        block[low] |= (byte)((code & 15) << lowShift);
        block[high] |= (byte)((code >> 4) << highShift);
    }

    private static (int Low, int LowShift, int High, int HighShift) PlaceOf(int element)
    {
        var (half, inside) = (element / 128, element % 128);
        return (half * 64 + inside % 64, inside / 64 * 4, Upper + half * 32 + inside % 32, inside / 32 * 2);
    }
}
