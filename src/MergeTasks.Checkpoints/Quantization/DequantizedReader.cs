using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Checkpoints.Quantization;

/// <summary>The numbers of a quantised weight, each code times its scale with one rounding to fp32. For one thread.</summary>
/// <param name="tensor">The weight.</param>
/// <param name="codes">The file with the codes.</param>
/// <param name="scales">The scales, from <see cref="ReadScales"/>.</param>
internal sealed class DequantizedReader(QuantizedTensor tensor, SafetensorsFile codes, float[] scales)
{
    // E2M1: sign, two bits of exponent, one of mantissa.
    private static readonly float[] Float4 = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6];

    private byte[] _bytes = [];
    private long _matrix = -1;

    /// <summary>Loads the scales of a weight, which are a small part of it.</summary>
    public static float[] ReadScales(QuantizedTensor tensor, SafetensorsFile file)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(file);
        var bytes = new byte[checked((int)tensor.Scales.ByteLength)];
        file.Read(tensor.Scales.Offset, bytes);
        var values = new float[checked((int)tensor.Scales.ElementCount)];
        if (tensor.Scales.DType.IsFloatingPoint())
            ElementConversion.ToSingle(tensor.Scales.DType, bytes, values);
        else
            for (var i = 0; i < values.Length; i++)
                values[i] = PowerOfTwo(bytes[i]);
        return values;
    }

    /// <summary>Reads numbers in row-major order of the weight.</summary>
    /// <param name="start">First one.</param>
    /// <param name="destination">Filled completely.</param>
    public void Read(long start, Span<float> destination)
    {
        if (tensor.Format == QuantizedFormat.ScaledFloat8)
            ReadFloat8(start, destination);
        else if (tensor.IsTransposed)
            ReadTransposed(start, destination);
        else
            ReadFloat4(start, destination);
    }

    // E8M0 (OCP MX 1.0): 2^(code − 127), and one code for NaN.
    private static float PowerOfTwo(byte code) => code == byte.MaxValue ? float.NaN : MathF.ScaleB(1, code - 127);

    private Span<byte> Take(int count)
    {
        if (_bytes.Length < count)
            _bytes = new byte[count];
        return _bytes.AsSpan(0, count);
    }

    private void ReadFloat8(long start, Span<float> destination)
    {
        var bytes = Take(destination.Length);
        codes.Read(tensor.Codes.Offset + start, bytes);
        ElementConversion.ToSingle(tensor.Codes.DType, bytes, destination);
        var columns = tensor.Shape.Count == 0 ? 1 : tensor.Shape[^1];
        while (!destination.IsEmpty)
        {
            // Along a row the scale changes every so many columns.
            var (row, column) = (start / columns, start % columns);
            var width = tensor.Blocks.Count == 0 ? columns : tensor.Blocks[^1];
            var count = (int)Math.Min(destination.Length, Math.Min(columns, ((column / width) + 1) * width) - column);
            System.Numerics.Tensors.TensorPrimitives.Multiply(destination[..count], scales[ScaleOf(row, column)], destination[..count]);
            destination = destination[count..];
            start += count;
        }
    }

    private long ScaleOf(long row, long column)
    {
        if (scales.Length == 1)
            return 0;
        var (index, stride) = (0L, 1L);
        for (var d = tensor.Shape.Count - 1; d >= 0; d--)
        {
            var size = tensor.Shape[d];
            var at = d == tensor.Shape.Count - 1 ? column : row % size;
            if (d < tensor.Shape.Count - 1)
                row /= size;
            index += at / tensor.Blocks[d] * stride;
            stride *= (size + tensor.Blocks[d] - 1) / tensor.Blocks[d];
        }

        return index;
    }

    private void ReadFloat4(long start, Span<float> destination)
    {
        var first = start / 2;
        var bytes = Take((int)(((start + destination.Length + 1) / 2) - first));
        codes.Read(tensor.Codes.Offset + first, bytes);
        for (var i = 0; i < destination.Length; i++)
        {
            var at = start + i;
            destination[i] = Value(bytes[(int)((at / 2) - first)], at, scales[at / QuantizedTensor.BlockLength]);
        }
    }

    // A column of the codes becomes a row, so one expert's codes are held at a time.
    private void ReadTransposed(long start, Span<float> destination)
    {
        var (ins, outs) = (tensor.Shape[1], tensor.Shape[2]);
        for (var i = 0; i < destination.Length; i++)
        {
            var (matrix, place) = Math.DivRem(start + i, ins * outs);
            if (matrix != _matrix)
            {
                var length = checked((int)(ins * outs / 2));
                codes.Read(tensor.Codes.Offset + (matrix * length), Take(length));
                _matrix = matrix;
            }

            var (column, row) = Math.DivRem(place, outs);
            var at = (row * ins) + column;
            destination[i] = Value(
                _bytes[at / 2], at, scales[(matrix * ins * outs / QuantizedTensor.BlockLength) + (at / QuantizedTensor.BlockLength)]);
        }
    }

    private static float Value(byte pair, long at, float scale) => Float4[at % 2 == 0 ? pair & 15 : pair >> 4] * scale;
}
