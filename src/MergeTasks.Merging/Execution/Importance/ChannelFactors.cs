namespace MergeTasks.Merging.Execution.Importance;

/// <summary>
/// How much one model contributes to each input channel of a module: N·a_i / Σ_k a_k, a the models' importances of the channel, N their
/// number; 1 where no model has any.
/// </summary>
internal sealed class ChannelFactors
{
    private readonly float[] _factors;
    private readonly long _columns;
    private readonly bool _byRow;

    /// <summary>The factors of one model.</summary>
    /// <param name="own">The model's importances.</param>
    /// <param name="all">Those of all models, its own among them.</param>
    /// <param name="columns">Elements from one row to the next; 1 for a vector.</param>
    /// <param name="byRow">Whether channels are rows.</param>
    public ChannelFactors(double[] own, IReadOnlyList<double[]> all, long columns, bool byRow)
    {
        _factors = [.. own.Select((a, channel) => all.Sum(model => model[channel]) is var sum && sum > 0 ? (float)(all.Count * a / sum) : 1)];
        _columns = columns;
        _byRow = byRow;
    }

    /// <summary>Multiplies a block of deltas.</summary>
    public void Apply(long start, Span<float> delta)
    {
        var (row, column) = (start / _columns, start % _columns);
        for (var i = 0; i < delta.Length; i++)
        {
            delta[i] *= _factors[_byRow ? row : column];
            if (++column == _columns)
                (row, column) = (row + 1, 0);
        }
    }
}
