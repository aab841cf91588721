using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Statistics;

/// <summary>Sums of |x|, x and x² per input channel of every module over all runs that it observes.</summary>
internal sealed class ChannelStatistics : IChannelObserver
{
    private readonly Dictionary<string, ChannelSums> _modules = new(StringComparer.Ordinal);
    private readonly Func<int, bool>? _includes;

    /// <summary>Statistics over all rows.</summary>
    /// <param name="includes">
    /// Says whether a row of the batch counts, such as <see cref="TokenBatch.IsToken"/> to leave out padding; null: all do.
    /// </param>
    public ChannelStatistics(Func<int, bool>? includes = null) => _includes = includes;

    /// <summary>The modules observed so far.</summary>
    public IEnumerable<string> Modules => _modules.Keys;

    /// <summary>The sums of one module.</summary>
    /// <exception cref="KeyNotFoundException">It was not observed.</exception>
    public ChannelSums this[string module] => _modules[module];

    /// <inheritdoc/>
    public bool Includes(int batchRow) => _includes is null || _includes(batchRow);

    /// <inheritdoc/>
    public void Add(IReadOnlyList<string> modules, ChannelTotals totals)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(totals);
        SumsOf(modules, totals.Plain.Length).Add(totals);
    }

    /// <inheritdoc/>
    public void Observe(in ModuleInput input)
    {
        var sums = SumsOf(input.Modules, input.Channels);
        if (_includes is null)
        {
            sums.Add(input.Values);
            return;
        }

        for (var row = 0; row < input.Rows; row++)
            if (_includes(input.BatchRows[row]))
                sums.Add(input.Row(row));
    }

    // Modules that read the same rows share their sums as long as they always come together, which they do in one model.
    private ChannelSums SumsOf(IReadOnlyList<string> modules, int channels)
    {
        if (!_modules.TryGetValue(modules[0], out var sums))
        {
            sums = new ChannelSums(channels);
            foreach (var module in modules)
                _modules[module] = sums;
        }

        return sums;
    }
}
