using MergeTasks.Gguf.Format;

namespace MergeTasks.Gguf.Models;

/// <summary>A tensor of a GGUF file and what it is made from.</summary>
/// <param name="Place">Name, shape and type in the file.</param>
/// <param name="Parts">Matrices one after the other: one, or one for each expert.</param>
internal sealed record ExportTensor(GgufTensor Place, IReadOnlyList<MatrixPart> Parts)
{
    /// <summary>The elements where they come from no tensor; <see cref="Parts"/> is empty then.</summary>
    public float[]? Constant { get; init; }
}

/// <summary>Rows of a checkpoint's tensor, seen as a matrix; a vector is one row.</summary>
/// <param name="Tensor">Its name in the checkpoint.</param>
/// <param name="First">Its first element in the tensor, which may be a stack.</param>
/// <param name="Rows">Rows of the result.</param>
/// <param name="Columns">Elements of each.</param>
internal sealed record MatrixPart(string Tensor, long First, int Rows, int Columns)
{
    /// <summary>Which row of the stored matrix a row of the result is; <see langword="null"/>: the same.</summary>
    public Func<int, int>? RowOf { get; init; }

    /// <summary>Rows of the stored matrix where it is stored by column, so that each of its columns is a row here; 0: it is not.</summary>
    public int StoredColumns { get; init; }

    /// <summary>Which element of the stored row an element of a row is; <see langword="null"/>: the same.</summary>
    public Func<int, int>? ColumnOf { get; init; }

    /// <summary>Multiplies the elements.</summary>
    public float Factor { get; init; } = 1;

    /// <summary>Is added to the elements before that.</summary>
    public float Offset { get; init; }
}
