using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Statistics;

/// <summary>Sums over rows, per channel.</summary>
internal sealed record ChannelTotals
{
    /// <summary>Number of rows.</summary>
    public required long Rows { get; init; }

    /// <summary>Sums of |x|.</summary>
    public required double[] Absolute { get; init; }

    /// <summary>Sums of x.</summary>
    public required double[] Plain { get; init; }

    /// <summary>Sums of x².</summary>
    public required double[] Square { get; init; }
}

/// <summary>
/// An observer that needs no more than sums over rows: an engine may form them where the rows are, and call <see cref="Add"/> instead of
/// <see cref="IActivationObserver.Observe"/>.
/// </summary>
internal interface IChannelObserver : IActivationObserver
{
    /// <summary>Whether a row of the batch counts.</summary>
    bool Includes(int batchRow);

    /// <summary>Takes the sums over the rows of some modules' input that count; called by one thread at a time.</summary>
    void Add(IReadOnlyList<string> modules, ChannelTotals totals);
}
