using MergeTasks.Numerics.Memory;

namespace MergeTasks.Numerics.Algebra;

/// <summary>A matrix in memory, row by row, in fp64.</summary>
/// <param name="rows">Number of rows.</param>
/// <param name="columns">Number of columns.</param>
internal sealed class DenseMatrix(int rows, int columns) : IMatrix
{
    public int Rows => rows;

    public int Columns => columns;

    /// <summary>The elements, row by row.</summary>
    public double[] Values { get; private set; } = LargeArray.Of<double>((long)rows * columns);

    /// <summary>All of it, to be multiplied.</summary>
    public DenseSlice Whole => new(Values, 0, columns, rows, columns);

    /// <summary>A row.</summary>
    public Span<double> Row(int row) => Values.AsSpan(checked(row * columns), columns);

    /// <summary>The elements, rounded to nearest even.</summary>
    public float[] ToFloats() => Array.ConvertAll(Values, value => (float)value);

    public void Dispose() => Values = [];
}

/// <summary>Rows and columns of an array that are an operand of a product.</summary>
/// <param name="Values">The array.</param>
/// <param name="Start">Where the first element lies.</param>
/// <param name="Stride">Elements from one row to the next as they are stored.</param>
/// <param name="Rows">Number of rows, as meant.</param>
/// <param name="Columns">Number of columns, as meant.</param>
/// <param name="IsTransposed">Whether the columns as meant are stored as rows.</param>
internal readonly record struct DenseSlice(double[] Values, int Start, int Stride, int Rows, int Columns, bool IsTransposed = false)
{
    /// <summary>The same elements with rows and columns exchanged.</summary>
    public DenseSlice Transposed => this with { Rows = Columns, Columns = Rows, IsTransposed = !IsTransposed };

    /// <summary>A rectangle of it.</summary>
    public DenseSlice Part(int row, int column, int rows, int columns) =>
        this with { Start = Index(row, column), Rows = rows, Columns = columns };

    /// <summary>Where an element lies in the array.</summary>
    public int Index(int row, int column) => IsTransposed ? Start + (column * Stride) + row : Start + (row * Stride) + column;
}
