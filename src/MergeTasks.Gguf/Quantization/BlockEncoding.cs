using System.Runtime.InteropServices;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Gguf.Format;

namespace MergeTasks.Gguf.Quantization;

/// <summary>
/// Turns fp32 elements into what a GGUF file stores, and back. Each row by itself, so any number of threads may share a tensor.
/// </summary>
internal static class BlockEncoding
{
    /// <summary>Encodes a row.</summary>
    /// <param name="type">The stored type.</param>
    /// <param name="row">Finite elements, whole blocks of them.</param>
    /// <param name="destination">Filled completely.</param>
    public static void Encode(GgmlType type, ReadOnlySpan<float> row, Span<byte> destination)
    {
        switch (type)
        {
            case GgmlType.F32 or GgmlType.F16 or GgmlType.BF16:
                ElementConversion.FromSingle(PlainType(type), row, destination);
                return;
            default:
                var (elements, bytes) = (type.BlockElements(), type.BlockBytes());
                for (var block = 0; block < row.Length / elements; block++)
                    EncodeBlock(type, row.Slice(block * elements, elements), destination.Slice(block * bytes, bytes));
                return;
        }
    }

    /// <summary>Decodes a row.</summary>
    /// <inheritdoc cref="Encode"/>
    public static void Decode(GgmlType type, ReadOnlySpan<byte> source, Span<float> row)
    {
        switch (type)
        {
            case GgmlType.F32 or GgmlType.F16 or GgmlType.BF16:
                ElementConversion.ToSingle(PlainType(type), source, row);
                return;
            default:
                var (elements, bytes) = (type.BlockElements(), type.BlockBytes());
                for (var block = 0; block < row.Length / elements; block++)
                    DecodeBlock(type, source.Slice(block * bytes, bytes), row.Slice(block * elements, elements));
                return;
        }
    }

    /// <summary>Reads a binary16 number.</summary>
    internal static float ReadHalf(ReadOnlySpan<byte> bytes) => (float)MemoryMarshal.Read<Half>(bytes);

    /// <summary>Writes a number as binary16.</summary>
    /// <returns>What is read of it.</returns>
    internal static float WriteHalf(Span<byte> bytes, float value)
    {
        var half = (Half)value;
        MemoryMarshal.Write(bytes, in half);
        return (float)half;
    }

    private static DType PlainType(GgmlType type) => type switch
    {
        GgmlType.F32 => DType.F32,
        GgmlType.F16 => DType.F16,
        _ => DType.BF16,
    };

    private static void EncodeBlock(GgmlType type, ReadOnlySpan<float> values, Span<byte> block)
    {
        switch (type)
        {
            case GgmlType.Q8_0:
                SmallBlocks.EncodeEightBits(values, block);
                break;
            case GgmlType.Q4_0:
                SmallBlocks.EncodeFourBits(values, block);
                break;
            case GgmlType.Q4_1:
                SmallBlocks.EncodeFourBitsWithMinimum(values, block);
                break;
            case GgmlType.Q6_K:
                SixBitBlocks.Encode(values, block);
                break;
            default:
                MinimumBlocks.Encode(values, block, type == GgmlType.Q5_K);
                break;
        }
    }

    private static void DecodeBlock(GgmlType type, ReadOnlySpan<byte> block, Span<float> values)
    {
        switch (type)
        {
            case GgmlType.Q8_0:
                SmallBlocks.DecodeEightBits(block, values);
                break;
            case GgmlType.Q4_0:
                SmallBlocks.DecodeFourBits(block, values);
                break;
            case GgmlType.Q4_1:
                SmallBlocks.DecodeFourBitsWithMinimum(block, values);
                break;
            case GgmlType.Q6_K:
                SixBitBlocks.Decode(block, values);
                break;
            case var other when ReadBlocks.Has(other):
                ReadBlocks.Decode(other, block, values);
                break;
            default:
                MinimumBlocks.Decode(block, values, type == GgmlType.Q5_K);
                break;
        }
    }
}
