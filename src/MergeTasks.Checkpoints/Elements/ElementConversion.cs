using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace MergeTasks.Checkpoints.Elements;

/// <summary>Conversion between stored elements (little-endian) and fp32, one rounding to nearest-even on the way back.</summary>
internal static class ElementConversion
{
    /// <summary>
    /// Converts stored floating-point elements to fp32; exact for every type but <see cref="DType.F64"/>, which is rounded.
    /// </summary>
    /// <param name="dtype">A floating-point type.</param>
    /// <param name="source">The stored bytes, <c>destination.Length</c> elements.</param>
    /// <param name="destination">Filled completely.</param>
    /// <exception cref="ArgumentException">An integer type, or lengths that do not match.</exception>
    public static void ToSingle(DType dtype, ReadOnlySpan<byte> source, Span<float> destination)
    {
        CheckLengths(dtype, source.Length, destination.Length);
        switch (dtype)
        {
            case DType.F32:
                MemoryMarshal.Cast<byte, float>(source).CopyTo(destination);
                break;
            case DType.BF16:
                BFloat16.ToSingle(MemoryMarshal.Cast<byte, ushort>(source), destination);
                break;
            case DType.F16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(source), destination);
                break;
            case DType.F64:
                var doubles = MemoryMarshal.Cast<byte, double>(source);
                for (var i = 0; i < doubles.Length; i++)
                    destination[i] = (float)doubles[i];
                break;
            case DType.F8E4M3:
                Float8.E4M3.ToSingle(source, destination);
                break;
            case DType.F8E5M2:
                Float8.E5M2.ToSingle(source, destination);
                break;
            default:
                throw NotFloating(dtype);
        }
    }

    /// <summary>
    /// Rounds fp32 values to stored elements, ties to even. Values beyond the range become infinities,
    /// or NaN in <see cref="DType.F8E4M3"/>, which has none; NaN stays NaN.
    /// </summary>
    /// <inheritdoc cref="ToSingle"/>
    public static void FromSingle(DType dtype, ReadOnlySpan<float> source, Span<byte> destination)
    {
        CheckLengths(dtype, destination.Length, source.Length);
        switch (dtype)
        {
            case DType.F32:
                source.CopyTo(MemoryMarshal.Cast<byte, float>(destination));
                break;
            case DType.BF16:
                BFloat16.FromSingle(source, MemoryMarshal.Cast<byte, ushort>(destination));
                break;
            case DType.F16:
                TensorPrimitives.ConvertToHalf(source, MemoryMarshal.Cast<byte, Half>(destination));
                break;
            case DType.F64:
                var doubles = MemoryMarshal.Cast<byte, double>(destination);
                for (var i = 0; i < doubles.Length; i++)
                    doubles[i] = source[i];
                break;
            case DType.F8E4M3:
                Float8.E4M3.FromSingle(source, destination);
                break;
            case DType.F8E5M2:
                Float8.E5M2.FromSingle(source, destination);
                break;
            default:
                throw NotFloating(dtype);
        }
    }

    /// <summary>Rounds fp32 values in place to what the given type can hold.</summary>
    /// <exception cref="ArgumentException">An integer type.</exception>
    public static void Round(DType dtype, Span<float> values)
    {
        switch (dtype)
        {
            case DType.F32 or DType.F64:
                return;
            case DType.BF16:
                BFloat16.Round(values);
                return;
            default:
                Span<byte> stored = stackalloc byte[1024];
                while (!values.IsEmpty)
                {
                    var count = Math.Min(values.Length, stored.Length / dtype.Size());
                    var bytes = stored[..(count * dtype.Size())];
                    FromSingle(dtype, values[..count], bytes);
                    ToSingle(dtype, bytes, values[..count]);
                    values = values[count..];
                }

                return;
        }
    }

    /// <summary>
    /// The bit pattern of the smallest fp32 magnitude that <see cref="FromSingle"/> turns into infinity or NaN: all below it stay numbers.
    /// </summary>
    /// <param name="dtype">A floating-point type.</param>
    public static uint FirstBeyond(DType dtype) => dtype switch
    {
        DType.F32 or DType.F64 => BitConverter.SingleToUInt32Bits(float.PositiveInfinity),

        // Half a step above the largest number, where the tie goes to the even neighbour: infinity.
        DType.BF16 => 0x7F7F_8000,
        DType.F16 => BitConverter.SingleToUInt32Bits(65_520),
        DType.F8E5M2 => BitConverter.SingleToUInt32Bits(61_440),

        // There the largest number is the even one.
        DType.F8E4M3 => BitConverter.SingleToUInt32Bits(464) + 1,
        _ => throw NotFloating(dtype),
    };

    private static void CheckLengths(DType dtype, int bytes, int elements)
    {
        if (bytes != elements * dtype.Size())
            throw new ArgumentException($"{elements} elements of {dtype} take {elements * dtype.Size()} bytes, not {bytes}.");
    }

    private static ArgumentException NotFloating(DType dtype) => new($"{dtype} is not a floating-point type.");
}
