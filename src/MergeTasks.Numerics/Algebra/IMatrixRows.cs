namespace MergeTasks.Numerics.Algebra;

/// <summary>A matrix that is read row by row; any number of threads may read at once.</summary>
internal interface IMatrixRows
{
    /// <summary>Number of rows.</summary>
    int Rows { get; }

    /// <summary>Number of columns.</summary>
    int Columns { get; }

    /// <summary>Reads one row.</summary>
    void Read(int row, Span<float> destination);
}
