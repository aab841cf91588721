using System.Collections.Concurrent;
using MergeTasks.Checkpoints.Elements;
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
    /// <summary>
    /// For each row of the base the tuned matrix's, −1 for none; <see langword="null"/>: all in their places.
    /// </summary>
    public int[]? Rows { get; init; }

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
        var shape = Base.Model.Find(Base.Tensor)!.Shape;
        var matrix = new DeltaRows(Tuned.Open(), Base.Open(), checked((int)shape[0]), checked((int)shape[1]), Rows);
        var own = Math.Min(Rank, Math.Min(matrix.Rows, matrix.Columns));
        var (outs, ins) = IsTransposed ? (matrix.Columns, matrix.Rows) : (matrix.Rows, matrix.Columns);
        _a = new float[Rank * ins];
        _b = new float[outs * Rank];

        // A model in a wider type than its base differs everywhere by what the base's type could not hold. That is no change.
        if (Base.DType is DType.BF16 or DType.F16 && Tuned.DType is DType.F32 or DType.F64 && matrix.IsRoundedTo(Base.DType))
            return;
        var (u, values, v) = TruncatedSvd.Of(matrix, own, Threads);
        var (outputs, inputs) = IsTransposed ? (v, u) : (u, v);
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
/// <param name="rows">Number of the base's rows.</param>
/// <param name="columns">Number of columns.</param>
/// <param name="map">For each row of the base the tuned matrix's, −1 for none, which counts as unchanged; <see langword="null"/>: all in
/// their places.</param>
internal sealed class DeltaRows(TensorContent tuned, TensorContent baseTensor, int rows, int columns, int[]? map) : IMatrixRows
{
    // One for each thread that reads.
    private readonly ConcurrentBag<(TensorReader Tuned, TensorReader Base, float[] Row)> _readers = [];

    public int Rows => rows;

    public int Columns => columns;

    /// <summary>Whether the base is nothing but the fine-tuned matrix rounded to a type.</summary>
    public bool IsRoundedTo(DType type)
    {
        var (first, second) = (tuned.NewReader(new WindowMemory()), baseTensor.NewReader(new WindowMemory()));
        var (row, other) = (new float[columns], new float[columns]);
        for (var i = 0; i < rows; i++)
        {
            var own = map is null ? i : map[i];
            if (own < 0)
                continue;
            first.Read((long)own * columns, row, ((long)own + 1) * columns);
            second.Read((long)i * columns, other, ((long)i + 1) * columns);
            ElementConversion.Round(type, row);
            if (!row.AsSpan().SequenceEqual(other))
                return false;
        }

        return true;
    }

    public void Read(int row, Span<float> destination)
    {
        var own = map is null ? row : map[row];
        if (own < 0)
        {
            destination.Clear();
            return;
        }

        if (!_readers.TryTake(out var reader))
            reader = (tuned.NewReader(new WindowMemory()), baseTensor.NewReader(new WindowMemory()), new float[columns]);
        reader.Tuned.Read((long)own * columns, destination, ((long)own + 1) * columns);
        reader.Base.Read((long)row * columns, reader.Row, ((long)row + 1) * columns);
        BlockMath.Subtract(destination, reader.Row);
        _readers.Add(reader);
    }
}
