namespace MergeTasks.Merging.Execution.Importance;

/// <summary>
/// How much one model contributes to each input channel of a module: N·a_i / Σ_k a_k, a the models' importances of the channel, N their
/// number; 1 where no model has any.
/// </summary>
internal sealed class ChannelFactors
{
    private readonly float[] _factors;
    private readonly ChannelLayout _layout;

    /// <summary>The factors of one model.</summary>
    /// <param name="own">The model's importances.</param>
    /// <param name="all">Those of all models, its own among them.</param>
    /// <param name="layout">Where the channels lie.</param>
    public ChannelFactors(double[] own, IReadOnlyList<double[]> all, ChannelLayout layout)
    {
        _factors = [
            .. own.Select((a, channel) => all.Sum(model => model[channel]) is var sum && sum > 0 ? (float)(all.Count * a / sum) : 1)
        ];
        _layout = layout;
    }

    /// <summary>Multiplies a block of deltas.</summary>
    public void Apply(long start, Span<float> delta)
    {
        var (row, column) = (start / _layout.Columns, start % _layout.Columns);
        var first = _layout.FirstOf(row);
        for (var i = 0; i < delta.Length; i++)
        {
            delta[i] *= _factors[_layout.ByRow ? first : first + column];
            if (++column < _layout.Columns)
                continue;
            (row, column) = (row + 1, 0);
            first = _layout.FirstOf(row);
        }
    }
}
