using MergeTasks.Checkpoints.Elements;
using MergeTasks.Merging.Inputs;
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
