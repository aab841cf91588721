using MergeTasks.Checkpoints.Elements;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>Rows of a table, read as they are wanted.</summary>
/// <param name="content">Its elements.</param>
/// <param name="shape">Its shape.</param>
internal sealed class TableRows(TensorContent content, IReadOnlyList<long> shape)
{
    private readonly TensorReader _reader = content.NewReader(new WindowMemory());

    /// <summary>Number of rows.</summary>
    public int Count => checked((int)shape[0]);

    /// <summary>Elements of a row.</summary>
    public int Columns { get; } = checked((int)shape.RowLength());

    /// <summary>Reads one row.</summary>
    public void Read(int row, Span<float> destination) =>
        _reader.Read((long)row * Columns, destination, (long)(row + 1) * Columns);

    /// <summary>Reads all rows in their order.</summary>
    /// <param name="action">Gets each row's number and elements.</param>
    public void ForEach(Action<int, ReadOnlySpan<float>> action)
    {
        var values = new float[Columns];
        for (var row = 0; row < Count; row++)
        {
            Read(row, values);
            action(row, values);
        }
    }

    /// <summary>Some rows, one after the other.</summary>
    public float[] Read(IReadOnlyList<int> rows)
    {
        var values = new float[checked((long)rows.Count * Columns)];
        for (var i = 0; i < rows.Count; i++)
            Read(rows[i], values.AsSpan(checked(i * Columns), Columns));
        return values;
    }
}
