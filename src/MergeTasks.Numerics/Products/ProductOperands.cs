namespace MergeTasks.Numerics.Products;

/// <summary>One product C[rows, columns] (+)= A · B as pointers; strides count elements.</summary>
internal readonly unsafe struct ProductOperands
{
    public required int Rows { get; init; }

    public required int Columns { get; init; }

    /// <summary>Length of the reduction.</summary>
    public required int Depth { get; init; }

    public required float* A { get; init; }

    public required nint StrideA { get; init; }

    /// <summary>A lies as [depth, rows].</summary>
    public bool TransposedA { get; init; }

    public required WeightMatrix B { get; init; }

    /// <summary>B lies as [columns, depth].</summary>
    public bool TransposedB { get; init; }

    public required float* C { get; init; }

    public required nint StrideC { get; init; }

    /// <summary>Add to C instead of overwriting it.</summary>
    public required bool Accumulate { get; init; }

    /// <summary>Most threads to use.</summary>
    public required int Threads { get; init; }
}
