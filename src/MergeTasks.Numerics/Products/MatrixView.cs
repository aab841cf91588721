namespace MergeTasks.Numerics.Products;

/// <summary>A row-major fp32 matrix over a span: <c>Data[row * Stride + column]</c>.</summary>
internal readonly ref struct MatrixView
{
    /// <param name="data">Memory of at least <c>(rows - 1) * stride + columns</c> elements.</param>
    /// <param name="rows">Number of rows, at least 0.</param>
    /// <param name="columns">Number of columns, at least 0.</param>
    /// <param name="stride">Elements from one row to the next, at least <paramref name="columns"/>; 0 means exactly that.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is negative or the stride is shorter than a row.</exception>
    /// <exception cref="ArgumentException">The memory is too short.</exception>
    public MatrixView(Span<float> data, int rows, int columns, int stride = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        if (stride == 0)
            stride = columns;
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, columns);
        if (rows > 0 && columns > 0 && data.Length < (rows - 1L) * stride + columns)
            throw new ArgumentException(
                $"{rows} rows of {columns} at stride {stride} do not fit into {data.Length} elements.", nameof(data));
        Data = data;
        Rows = rows;
        Columns = columns;
        Stride = stride;
    }

    /// <summary>The memory, from the first element on.</summary>
    public Span<float> Data { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Elements from one row to the next.</summary>
    public int Stride { get; }

    /// <summary>One row, without the gap after it.</summary>
    public Span<float> Row(int row) => Data.Slice(row * Stride, Columns);
}
