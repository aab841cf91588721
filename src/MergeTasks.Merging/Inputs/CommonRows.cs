namespace MergeTasks.Merging.Inputs;

/// <summary>
/// The rows of a tensor that are several models' own. The others were made up for models whose vocabularies lack a token, so a difference
/// between them is no change that fine-tuning made.
/// </summary>
internal sealed class CommonRows
{
    private readonly IReadOnlyList<Func<long, bool>> _own;
    private readonly long _columns;

    private CommonRows(IReadOnlyList<Func<long, bool>> own, long columns) => (_own, _columns) = (own, columns);

    /// <summary>Those of a tensor; <see langword="null"/>: all.</summary>
    public static CommonRows? Of(string tensor, params IReadOnlyList<ModelInput> models)
    {
        List<Func<long, bool>> own = [.. models.Select(model => model.OwnRows(tensor)).OfType<Func<long, bool>>()];
        return own.Count == 0 ? null : new CommonRows(
            own, models[0].Find(tensor)!.Shape.Skip(1).Aggregate(1L, (product, dimension) => product * dimension));
    }

    /// <summary>Copies the rows that are not common to all.</summary>
    /// <param name="start">Flat index of the first element.</param>
    /// <param name="from">What is copied.</param>
    /// <param name="to">Stays as it is in the common rows.</param>
    public void CopyOthers(long start, ReadOnlySpan<float> from, Span<float> to)
    {
        for (var i = 0; i < from.Length;)
        {
            var row = (start + i) / _columns;
            var length = (int)Math.Min(from.Length - i, ((row + 1) * _columns) - start - i);
            if (!_own.All(has => has(row)))
                from.Slice(i, length).CopyTo(to[i..]);
            i += length;
        }
    }
}
