using System.Globalization;

namespace MergeTasks.Merging.Inputs;

/// <summary>Where a row of a matrix of embeddings comes from if the model has none of its own.</summary>
/// <param name="Rows">Models (by their place among the merge's) and rows whose mean it is; empty for zeros.</param>
internal sealed record RowFill(IReadOnlyList<(int Model, int Row)> Rows)
{
    /// <summary>Zeros.</summary>
    public static readonly RowFill Zero = new([]);

    /// <summary>The mean of all rows of the same matrix that stand for tokens.</summary>
    public static readonly RowFill Mean = new([]);

    /// <summary>One row.</summary>
    public static RowFill Of(int model, int row) => new([(model, row)]);

    /// <summary>As part of a key.</summary>
    public override string ToString() => ReferenceEquals(this, Mean) ? "mean"
        : string.Join(' ', Rows.Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.Model}:{row.Row}")));
}
