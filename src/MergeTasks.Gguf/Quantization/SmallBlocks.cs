using System.Numerics.Tensors;

namespace MergeTasks.Gguf.Quantization;

/// <summary>
/// The blocks of 32 elements: a scale in binary16 (and a minimum), then the codes. Of codes of 4 bits, element i lies in the lower half of
/// byte i, and element i + 16 in the upper one.
/// </summary>
internal static class SmallBlocks
{
    private const int Elements = 32;
    private const int Half = Elements / 2;

    /// <summary>Q8_0: x = d · q, q from −127 to 127.</summary>
    public static void EncodeEightBits(ReadOnlySpan<float> values, Span<byte> block)
    {
        var scale = BlockEncoding.WriteHalf(block, MathF.Abs(TensorPrimitives.MaxMagnitude(values)) / 127);
        for (var i = 0; i < Elements; i++)
            block[2 + i] = (byte)(sbyte)Code(values[i], scale, -127, 127);
    }

    /// <summary>Undoes <see cref="EncodeEightBits"/>.</summary>
    public static void DecodeEightBits(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = BlockEncoding.ReadHalf(block);
        for (var i = 0; i < Elements; i++)
            values[i] = scale * (sbyte)block[2 + i];
    }

    /// <summary>Q4_0: x = d · (q − 8); the element of the largest magnitude becomes code 0, which reaches one step further.</summary>
    public static void EncodeFourBits(ReadOnlySpan<float> values, Span<byte> block)
    {
        var scale = BlockEncoding.WriteHalf(block, TensorPrimitives.MaxMagnitude(values) / -8);
        for (var i = 0; i < Half; i++)
            block[2 + i] = Pair(Code(values[i], scale, -8, 7) + 8, Code(values[i + Half], scale, -8, 7) + 8);
    }

    /// <summary>Undoes <see cref="EncodeFourBits"/>.</summary>
    public static void DecodeFourBits(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = BlockEncoding.ReadHalf(block);
        for (var i = 0; i < Half; i++)
        {
            values[i] = scale * ((block[2 + i] & 15) - 8);
            values[i + Half] = scale * ((block[2 + i] >> 4) - 8);
        }
    }

    /// <summary>Q4_1: x = d · q + m.</summary>
    public static void EncodeFourBitsWithMinimum(ReadOnlySpan<float> values, Span<byte> block)
    {
        var least = TensorPrimitives.Min(values);
        var scale = BlockEncoding.WriteHalf(block, (TensorPrimitives.Max(values) - least) / 15);
        var minimum = BlockEncoding.WriteHalf(block[2..], least);
        for (var i = 0; i < Half; i++)
            block[4 + i] = Pair(Code(values[i] - minimum, scale, 0, 15), Code(values[i + Half] - minimum, scale, 0, 15));
    }

    /// <summary>Undoes <see cref="EncodeFourBitsWithMinimum"/>.</summary>
    public static void DecodeFourBitsWithMinimum(ReadOnlySpan<byte> block, Span<float> values)
    {
        var (scale, minimum) = (BlockEncoding.ReadHalf(block), BlockEncoding.ReadHalf(block[2..]));
        for (var i = 0; i < Half; i++)
        {
            values[i] = scale * (block[4 + i] & 15) + minimum;
            values[i + Half] = scale * (block[4 + i] >> 4) + minimum;
        }
    }

    /// <summary>The nearest code; 0 where the scale is.</summary>
    internal static int Code(float value, float scale, int least, int most) =>
        scale == 0 ? Math.Clamp(0, least, most) : (int)Math.Clamp(MathF.Round(value / scale), least, most);

    private static byte Pair(int low, int high) => (byte)(low | (high << 4));
}
