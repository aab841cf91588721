using System.Collections.Concurrent;
using MergeTasks.Merging.Inputs;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics.Algebra;

namespace MergeTasks.Merging.Planning.Adapters;

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
