using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Statistics;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// One way through one part of the model, of a piece or of some rows. What observers are to see is kept until the part is done, because a
/// part that runs out of memory is run again.
/// </summary>
internal sealed class DevicePass : IDisposable
{
    private readonly List<Action> _observed = [];
    private readonly List<(IReadOnlyList<string> Modules, long Rows, Tensor Sums)> _sums = [];

    /// <summary>The piece; the head, which treats every row by itself, has none.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public BatchPiece Piece
    {
        get => field ?? throw new InvalidOperationException("This part runs over rows, not over sequences.");
        init;
    }

    /// <summary>How matrices are multiplied.</summary>
    public required DevicePrecision Precision { get; init; }

    /// <summary>Who sees module inputs.</summary>
    public IActivationObserver? Observer { get; init; }

    /// <summary>
    /// Stacks of parameters taken apart, for as long as a block needs them: taken apart once, their gradients are put together once.
    /// </summary>
    public Dictionary<DeviceParameter, Tensor[]> Places { get; } = [];

    /// <summary>
    /// What parts give to later ones beside the residual stream, the piece's rows of it; where gradients are recorded, the part's leaves.
    /// </summary>
    public Func<string, Tensor> TakesFrom { get; init; } = name => throw new InvalidOperationException($"Nothing gave '{name}'.");

    /// <summary>What the part took.</summary>
    public Dictionary<string, Tensor> Taken { get; } = new(StringComparer.Ordinal);

    /// <summary>What the part gives.</summary>
    public Dictionary<string, Tensor> Given { get; } = new(StringComparer.Ordinal);

    /// <summary>What an earlier part gave; it lives as long as the pass.</summary>
    public Tensor Take(string name)
    {
        if (!Taken.TryGetValue(name, out var value))
            Taken.Add(name, value = TakesFrom(name).DetachFromDisposeScope());
        return value;
    }

    /// <summary>Gives something to later parts; it lives as long as the pass.</summary>
    public void Give(string name, Tensor value) => Given[name] = value.DetachFromDisposeScope();

    /// <summary>A parameter's numbers, or those of a place of a stack.</summary>
    public Tensor ValueOf(DeviceParameter parameter, int? place) =>
        place is not { } index ? parameter.Value
        : Places.TryGetValue(parameter, out var all) ? all[index]
        : parameter.Value.select(0, index);

    /// <summary>Keeps module inputs for the observer, if there is one.</summary>
    /// <param name="modules">The modules.</param>
    /// <param name="input">Their input.</param>
    /// <param name="rowsOf">The batch's row of each row of the input; null: the piece's rows.</param>
    public void Observe(IReadOnlyList<string> modules, Tensor input, Func<int[]>? rowsOf = null)
    {
        if (Observer is null || modules.Count == 0 || input.shape[0] == 0)
            return;
        var batchRows = rowsOf?.Invoke() ?? Piece.BatchRows;
        if (Observer is IChannelObserver channels)
            ObserveSums(channels, modules, input, batchRows);
        else
            ObserveRows(modules, input, batchRows);
    }

    /// <summary>Shows the observer what was kept.</summary>
    public void Show()
    {
        _observed.ForEach(show => show());
        if (_sums.Count == 0)
            return;
        using var scope = NewDisposeScope();
        var all = HostCopies.Doubles(cat([.. _sums.Select(kept => kept.Sums.reshape(-1))], 0));
        var at = 0;
        foreach (var (modules, rows, sums) in _sums)
        {
            var channels = (int)sums.shape[1];
            ((IChannelObserver)Observer!).Add(modules, new ChannelTotals
            {
                Rows = rows,
                Absolute = all[at..(at + channels)],
                Plain = all[(at + channels)..(at + 2 * channels)],
                Square = all[(at + 2 * channels)..(at + 3 * channels)],
            });
            at += 3 * channels;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, _, sums) in _sums)
            sums.Dispose();
        foreach (var carried in Given.Values.Concat(Taken.Values))
            carried.Dispose();
    }

    private void ObserveRows(IReadOnlyList<string> modules, Tensor input, int[] batchRows)
    {
        var channels = (int)input.shape[1];
        var values = HostCopies.Singles(input);
        _observed.Add(() =>
            Observer!.Observe(new ModuleInput { Modules = modules, Values = values, Channels = channels, BatchRows = batchRows }));
    }

    // Only the sums leave the device, a part's at once: a layer's inputs would take longer to copy than to compute.
    private void ObserveSums(IChannelObserver observer, IReadOnlyList<string> modules, Tensor input, int[] batchRows)
    {
        using var scope = NewDisposeScope();
        var included = Enumerable.Range(0, batchRows.Length).Where(row => observer.Includes(batchRows[row])).ToArray();
        var rows = included.Length == batchRows.Length
            ? input.detach()
            : input.detach().index_select(0, RowIndex.Of(included, input.device));
        var sums = stack([SumsOf(rows.abs()), SumsOf(rows), SumsOf(rows * rows)], 0);
        _sums.Add((modules, included.Length, sums.DetachFromDisposeScope()));
    }

    private static Tensor SumsOf(Tensor rows) => rows.sum(dim: 0, type: ScalarType.Float64);
}
