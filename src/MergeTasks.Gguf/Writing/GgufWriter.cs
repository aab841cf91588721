using System.Numerics.Tensors;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Models;
using MergeTasks.Gguf.Quantization;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Gguf.Writing;

/// <summary>
/// Writes a GGUF file from beginning to end. Rows are read, converted and encoded on several threads, some at a time, so the memory that it
/// takes does not grow with the model; bytes do not depend on the number of threads.
/// </summary>
/// <param name="weights">The weights.</param>
/// <param name="workers">Threads, at least 1.</param>
/// <param name="cancellation">Ends the work between two groups of rows.</param>
internal sealed class GgufWriter(IWeights weights, int workers, CancellationToken cancellation)
{
    // Elements that are written together, and those of them that one thread takes at a time.
    private const int Group = 1 << 20;
    private const int Piece = 1 << 16;

    // A block's scale is binary16 too.
    private const float LargestHalf = 65504;

    /// <summary>Writes.</summary>
    /// <exception cref="GgufException">A tensor holds numbers that its type cannot.</exception>
    public void Write(GgufModel model, Stream output)
    {
        output.Write(model.Layout.Header);
        foreach (var (tensor, offset) in model.Tensors.Zip(model.Layout.Offsets))
        {
            if (tensor.Constant is { } numbers)
                WriteConstant(tensor.Place, numbers, output);
            foreach (var part in tensor.Parts)
                WritePart(tensor.Place, part, output);
            var end = offset + tensor.Place.ByteLength;
            output.Write(new byte[(GgufLayout.Alignment - end % GgufLayout.Alignment) % GgufLayout.Alignment]);
        }
    }

    private static void WriteConstant(GgufTensor tensor, float[] numbers, Stream output)
    {
        var bytes = new byte[tensor.ByteLength];
        BlockEncoding.Encode(tensor.Type, numbers, bytes);
        output.Write(bytes);
    }

    private void WritePart(GgufTensor tensor, MatrixPart part, Stream output)
    {
        var dtype = weights.DTypeOf(part.Tensor);
        var rowBytes = (int)tensor.Type.BytesOf(part.Columns);
        var rows = Math.Clamp(Group / part.Columns, 1, part.Rows);
        var encoded = new byte[rows * rowBytes];
        var whole = part.StoredColumns > 0 ? ReadWhole(part, dtype) : null;
        var together = Math.Max(1, Piece / part.Columns);
        for (var first = 0; first < part.Rows; first += rows)
        {
            cancellation.ThrowIfCancellationRequested();
            var (start, count) = (first, Math.Min(rows, part.Rows - first));
            Workers.For(workers, (count + together - 1) / together, piece =>
            {
                var own = new Buffers(part.Columns, dtype);
                for (var row = piece * together; row < Math.Min(count, (piece + 1) * together); row++)
                {
                    ReadRow(part, dtype, start + row, own, whole);
                    Require(tensor, own.Row);
                    BlockEncoding.Encode(tensor.Type, own.Row, encoded.AsSpan(row * rowBytes, rowBytes));
                }
            });
            output.Write(encoded, 0, count * rowBytes);
        }
    }

    private void ReadRow(MatrixPart part, DType dtype, int row, Buffers own, byte[]? whole)
    {
        var stored = part.RowOf?.Invoke(row) ?? row;
        var size = dtype.Size();
        if (whole is not null)
        {
            for (var column = 0; column < part.Columns; column++)
            {
                whole.AsSpan((column * part.StoredColumns + stored) * size, size).CopyTo(own.Bytes.AsSpan(column * size));
            }
        }
        else if (part.ColumnOf is null)
        {
            weights.Read(part.Tensor, (part.First + (long)stored * part.Columns) * size, own.Bytes);
        }
        else
        {
            for (var column = 0; column < part.Columns; column++)
                weights.Read(part.Tensor, (part.First + part.ColumnOf(column)) * size, own.Bytes.AsSpan(column * size, size));
        }

        ElementConversion.ToSingle(dtype, own.Bytes, own.Row);
        if (part.Offset != 0)
            TensorPrimitives.Add(own.Row, part.Offset, own.Row);
        if (part.Factor != 1)
            TensorPrimitives.Multiply(own.Row, part.Factor, own.Row);
    }

    // What is stored by column is turned as a whole: one expert's matrix.
    private byte[] ReadWhole(MatrixPart part, DType dtype)
    {
        var bytes = new byte[checked(part.Columns * part.StoredColumns * dtype.Size())];
        weights.Read(part.Tensor, part.First * dtype.Size(), bytes);
        return bytes;
    }

    private static void Require(GgufTensor tensor, ReadOnlySpan<float> row)
    {
        if (tensor.Type is GgmlType.F32 or GgmlType.BF16)
            return;
        var largest = MathF.Abs(TensorPrimitives.MaxMagnitude(row));
        if (!(largest <= LargestHalf))
        {
            throw new GgufException(
                GgufError.WrongTensor, $"'{tensor.Name}' holds {largest}, which {tensor.Type} cannot store; BF16 and F32 can");
        }
    }

    private sealed class Buffers(int columns, DType dtype)
    {
        public float[] Row { get; } = new float[columns];

        public byte[] Bytes { get; } = new byte[columns * dtype.Size()];
    }
}
