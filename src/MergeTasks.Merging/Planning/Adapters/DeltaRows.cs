using System.Collections.Concurrent;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Merging.Inputs;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics.Algebra;

namespace MergeTasks.Merging.Planning.Adapters;

/// <summary>What fine-tuning changed in one matrix, row by row.</summary>
/// <param name="tuned">The fine-tuned matrix.</param>
/// <param name="basis">The base's.</param>
/// <param name="rows">Number of the base's rows.</param>
/// <param name="columns">Number of columns.</param>
/// <param name="map">For each row of the base the tuned matrix's, −1 for none, which counts as unchanged; <see langword="null"/>: all in
/// their places.</param>
internal sealed class DeltaRows(TensorContent tuned, TensorContent basis, int rows, int columns, int[]? map) : IMatrixRows
{
    // One for each thread that reads.
    private readonly ConcurrentBag<(TensorReader Tuned, TensorReader Base, float[] Row)> _readers = [];

    public int Rows => rows;

    public int Columns => columns;

    /// <summary>Whether the base is nothing but the fine-tuned matrix rounded to a type.</summary>
    public bool IsRoundedTo(DType type)
    {
        var (first, second) = (tuned.NewReader(new WindowMemory()), basis.NewReader(new WindowMemory()));
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
            reader = (tuned.NewReader(new WindowMemory()), basis.NewReader(new WindowMemory()), new float[columns]);
        reader.Tuned.Read((long)own * columns, destination, ((long)own + 1) * columns);
        reader.Base.Read((long)row * columns, reader.Row, ((long)row + 1) * columns);
        BlockMath.Subtract(destination, reader.Row);
        _readers.Add(reader);
    }
}
