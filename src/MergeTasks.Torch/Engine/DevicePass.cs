using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Statistics;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// One way through one part of the model, of a piece or of some rows. What observers are to see is kept until the part is done, because a
/// part that runs out of memory is run again.
/// </summary>
internal sealed class DevicePass
{
    private readonly List<Action> _observed = [];

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
    public void Show() => _observed.ForEach(show => show());

    private void ObserveRows(IReadOnlyList<string> modules, Tensor input, int[] batchRows)
    {
        var channels = (int)input.shape[1];
        var values = HostCopies.Singles(input);
        _observed.Add(() => Observer!.Observe(new ModuleInput { Modules = modules, Values = values, Channels = channels, BatchRows = batchRows }));
    }

    // Only the sums leave the device: a layer's inputs would take longer to copy than to compute.
    private void ObserveSums(IChannelObserver observer, IReadOnlyList<string> modules, Tensor input, int[] batchRows)
    {
        var included = Enumerable.Range(0, batchRows.Length).Where(row => observer.Includes(batchRows[row])).ToArray();
        var rows = included.Length == batchRows.Length
            ? input.detach()
            : input.detach().index_select(0, RowIndex.Of(included, input.device));
        var sums = new ChannelTotals
        {
            Rows = included.Length,
            Absolute = SumsOf(rows.abs()),
            Plain = SumsOf(rows),
            Square = SumsOf(rows * rows),
        };
        _observed.Add(() => observer.Add(modules, sums));
    }

    private static double[] SumsOf(Tensor rows) => HostCopies.Doubles(rows.sum(dim: 0, type: ScalarType.Float64));
}
