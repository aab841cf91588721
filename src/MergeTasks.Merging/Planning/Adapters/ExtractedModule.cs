using System.Collections.Concurrent;
using MergeTasks.Merging.Inputs;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics.Algebra;

namespace MergeTasks.Merging.Planning.Adapters;

/// <summary>The factors of one matrix's change, computed when the first of them is needed and kept until the second has been.</summary>
/// <param name="Tuned">The fine-tuned matrix.</param>
/// <param name="Base">The base's.</param>
/// <param name="Rank">The rank; what exceeds the matrix's own is zeros.</param>
/// <param name="IsTransposed">Whether the matrices are stored as [in, out].</param>
/// <param name="Threads">Threads to use.</param>
internal sealed record ExtractedModule(ModelTensor Tuned, ModelTensor Base, int Rank, bool IsTransposed, int Threads)
{
    private readonly Lock _lock = new();
    private float[]? _a;
    private float[]? _b;

    /// <summary>A [rank, in] or B [out, rank].</summary>
    public float[] Take(bool isA)
    {
        lock (_lock)
        {
            if ((isA ? _a : _b) is null)
                Compute();
            var taken = (isA ? _a : _b)!;
            if (isA)
                _a = null;
            else
                _b = null;
            return taken;
        }
    }

    // ΔW = U·√S·√S·Vᵀ: both factors get the same share of the singular values.
    private void Compute()
    {
        var shape = Tuned.Model.Find(Tuned.Tensor)!.Shape;
        var matrix = new DeltaRows(Tuned.Open(), Base.Open(), checked((int)shape[0]), checked((int)shape[1]));
        var own = Math.Min(Rank, Math.Min(matrix.Rows, matrix.Columns));
        var (u, values, v) = TruncatedSvd.Of(matrix, own, Threads);
        var (outputs, inputs) = IsTransposed ? (v, u) : (u, v);
        var (outs, ins) = IsTransposed ? (matrix.Columns, matrix.Rows) : (matrix.Rows, matrix.Columns);
        _a = new float[Rank * ins];
        _b = new float[outs * Rank];
        for (var k = 0; k < own; k++)
        {
            var root = Math.Sqrt(values[k]);
            for (var i = 0; i < ins; i++)
                _a[(k * ins) + i] = (float)(root * inputs[(k * ins) + i]);
            for (var o = 0; o < outs; o++)
                _b[(o * Rank) + k] = (float)(root * outputs[(k * outs) + o]);
        }
    }
}

/// <summary>What fine-tuning changed in one matrix, row by row.</summary>
/// <param name="tuned">The fine-tuned matrix.</param>
/// <param name="baseTensor">The base's.</param>
/// <param name="rows">Number of rows.</param>
/// <param name="columns">Number of columns.</param>
internal sealed class DeltaRows(TensorContent tuned, TensorContent baseTensor, int rows, int columns) : IMatrixRows
{
    // One for each thread that reads.
    private readonly ConcurrentBag<(TensorReader Tuned, TensorReader Base, float[] Row)> _readers = [];

    public int Rows => rows;

    public int Columns => columns;

    public void Read(int row, Span<float> destination)
    {
        if (!_readers.TryTake(out var reader))
            reader = (tuned.NewReader(new WindowMemory()), baseTensor.NewReader(new WindowMemory()), new float[columns]);
        var (start, end) = ((long)row * columns, ((long)row + 1) * columns);
        reader.Tuned.Read(start, destination, end);
        reader.Base.Read(start, reader.Row, end);
        BlockMath.Subtract(destination, reader.Row);
        _readers.Add(reader);
    }
}
