namespace MergeTasks.Merging.Execution.Importance;

/// <summary>
/// Where the input channels of a module lie in its weight; a stack of matrices has those of one after those of the other.
/// </summary>
/// <param name="Columns">Elements from one row to the next; 1 for a vector.</param>
/// <param name="ByRow">Whether channels are rows: the weight is a vector, or stored [in, out].</param>
/// <param name="RowsPerPlace">Rows of one matrix of a stack; <see cref="long.MaxValue"/> where there is one matrix.</param>
internal readonly record struct ChannelLayout(long Columns, bool ByRow, long RowsPerPlace = long.MaxValue)
{
    /// <summary>The channel of a row's first element.</summary>
    public long FirstOf(long row) => ByRow ? row : row / RowsPerPlace * Columns;
}
