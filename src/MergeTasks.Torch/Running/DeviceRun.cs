using MergeTasks.Torch.Blocks;
using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Blocks;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Torch.Running;

/// <summary>
/// One run of a batch through a model. Backwards, each layer is computed again from its input, which is kept (arXiv 1604.06174), so that
/// there is never more than one layer's graph.
/// </summary>
internal sealed class DeviceRun : IDisposable
{
    // So many scores are computed at once.
    private const int ScoresAtOnce = 1 << 25;

    private readonly DeviceNetwork _network;
    private readonly DeviceRuntime _runtime;
    private readonly BatchLayout _layout;
    private readonly EmbeddingRows _rows;
    private readonly PieceRunner _runner;
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly List<Tensor> _inputs = [];
    private readonly Dictionary<string, Tensor> _carried = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _carriedGradients = new(StringComparer.Ordinal);

    /// <summary>Prepares a run.</summary>
    /// <param name="network">The model.</param>
    /// <param name="runtime">The device.</param>
    /// <param name="layout">The batch's rows.</param>
    /// <param name="rows">What they look up.</param>
    /// <param name="cancellation">Ends the run between two pieces of a layer.</param>
    public DeviceRun(DeviceNetwork network, DeviceRuntime runtime, BatchLayout layout, EmbeddingRows rows, CancellationToken cancellation)
    {
        _network = network;
        _runtime = runtime;
        _layout = layout;
        _rows = rows;
        _runner = new PieceRunner(runtime, layout, cancellation);
        TorchRuntime.UseThreads(runtime.Threads);
    }

    /// <summary>Who sees module inputs.</summary>
    public IActivationObserver? Observer { get; init; }

    /// <summary>Runs embedding and layers.</summary>
    /// <param name="keepsInputs">Whether the layers' inputs are kept for <see cref="Backward"/>.</param>
    /// <returns>The last layer's result, [rows, width].</returns>
    public Tensor Forward(bool keepsInputs)
    {
        var x = NewRows();
        _runner.ForSequences(_network.Embedding.Part, false, piece =>
        {
            using var pass = PassOf(piece);
            Write(piece, _network.Embedding.Forward(pass, _network.Embedding.LookUp(pass, _runtime.Weights, _rows)), x);
            Carry(pass);
            pass.Show();
        });
        foreach (var layer in _network.Layers)
        {
            var (from, to) = (x, NewRows());
            _runner.ForSequences(layer.Part, false, piece =>
            {
                using var pass = PassOf(piece);
                Write(piece, layer.Forward(pass, RowsOf(piece, from)), to);
                Carry(pass);
                pass.Show();
            });
            if (keepsInputs)
                _inputs.Add(from);
            else
                from.Dispose();
            x = to;
        }

        return x;
    }

    /// <summary>Runs the head, without its scores, on some rows.</summary>
    public void ObserveHead(Tensor x, int[] batchRows) =>
        _runner.ForRows(_network.Head.Part, false, batchRows.Length, int.MaxValue, (first, end) =>
    {
        using var pass = PassOf(null);
        _network.Head.Forward(pass, Select(x, batchRows.AsSpan(first, end - first)), () => batchRows[first..end]);
        pass.Show();
    });

    /// <summary>Scores some rows.</summary>
    /// <param name="x">The last layer's result.</param>
    /// <param name="batchRows">The rows.</param>
    /// <param name="outcomes">Number of outcomes.</param>
    /// <param name="take">Takes the scores of the rows from first to end.</param>
    public void Score(Tensor x, int[] batchRows, int outcomes, Action<Tensor, int, int> take) =>
        _runner.ForRows(_network.Head.Part, false, batchRows.Length, ScoresAtOnce / outcomes, (first, end) =>
        {
            using var pass = PassOf(null);
            var h = _network.Head.Forward(pass, Select(x, batchRows.AsSpan(first, end - first)), () => []);
            take(_network.Head.Scores(pass, h), first, end);
        });

    /// <summary>Scores some rows, and hands out all gradients.</summary>
    /// <param name="x">The last layer's result.</param>
    /// <param name="batchRows">The rows.</param>
    /// <param name="outcomes">Number of outcomes.</param>
    /// <param name="receiver">Takes the gradients.</param>
    /// <param name="differentiate">Takes the scores of the rows from first to end, and returns their gradient.</param>
    public void Backward(Tensor x, int[] batchRows, int outcomes, IGradientReceiver receiver, Func<Tensor, int, int, Tensor> differentiate)
    {
        using var gradients = new GradientOutlet(receiver, _runtime, _network.Shared);
        var dx = NewRows().zero_();
        _runner.ForRows(_network.Head.Part, true, batchRows.Length, ScoresAtOnce / outcomes, (first, end) =>
        {
            using var pass = PassOf(null);
            var own = batchRows.AsSpan(first, end - first);
            var leaf = Select(x, own).detach().requires_grad_(true);
            var scores = _network.Head.Scores(pass, _network.Head.Forward(pass, leaf, () => []));
            var index = IndexOf(own);
            var gradient = gradients.Add(_network.Head.Part, leaf, scores, differentiate(scores, first, end));
            using (no_grad())
                dx.index_copy_(0, index, gradient);
        });
        using var tied = gradients.GiveAll(_network.Head.Tied);
        for (var i = _network.Layers.Count - 1; i >= 0; i--)
        {
            BackThrough(_network.Layers[i].Part, gradients, dx, dx, piece => RowsOf(piece, _inputs[i]), _network.Layers[i].Forward);
            _inputs[i].Dispose();
        }

        var tables = _network.TableWidth == _network.Width ? dx : NewRows(_network.TableWidth);
        BackThrough(
            _network.Embedding.Part,
            gradients,
            dx,
            tables,
            piece => _network.Embedding.LookUp(PassOf(piece), _runtime.Weights, _rows),
            _network.Embedding.Forward);
        _network.Embedding.GiveTables(_runtime, gradients, _rows, tables, tied);
        gradients.Flush();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _runner.Dispose();
        foreach (var carried in _carried.Values.Concat(_carriedGradients.Values))
            carried.Dispose();
        _scope.Dispose();
    }

    // From the gradient of a part's result to that of its input, which may lie in the same place.
    private void BackThrough(
        ModelPart part,
        GradientOutlet gradients,
        Tensor dy,
        Tensor dx,
        Func<BatchPiece, Tensor> input,
        Func<DevicePass, Tensor, Tensor> forward)
    {
        _runner.ForSequences(part, true, piece =>
        {
            var leaf = input(piece).detach().requires_grad_(true);
            using var pass = PassOf(piece);
            var y = forward(pass, leaf);
            if (ReferenceEquals(y, leaf))
                return;
            var taken = pass.Taken.ToArray();
            foreach (var (name, value) in taken)
                Prepare(_carriedGradients, name, (int)value.shape[1]);
            var given = pass.Given.Where(value => _carriedGradients.ContainsKey(value.Key)).ToArray();
            var found = gradients.Add(
                part,
                [leaf, .. taken.Select(value => value.Value)],
                [y, .. given.Select(value => value.Value)],
                [RowsOf(piece, dy), .. given.Select(value => RowsOf(piece, _carriedGradients[value.Key]))]);
            Write(piece, found[0], dx);
            using var mode = no_grad();
            foreach (var (i, value) in taken.Index())
                RowsOf(piece, _carriedGradients[value.Key]).add_(found[i + 1]);
        });
        gradients.GiveAll();
    }

    // A part that runs again writes the same rows again.
    private void Carry(DevicePass pass)
    {
        foreach (var (name, value) in pass.Given)
        {
            Prepare(_carried, name, (int)value.shape[1]);
            Write(pass.Piece, value, _carried[name]);
        }
    }

    // Where memory is short here, the step runs again, so this comes before a step leaves anything.
    private void Prepare(Dictionary<string, Tensor> carried, string name, int width)
    {
        if (!carried.ContainsKey(name))
            carried.Add(name, zeros([_layout.Rows, width], ScalarType.Float32, _runtime.Device).DetachFromDisposeScope());
    }

    private DevicePass PassOf(BatchPiece? piece) => piece is null
        ? new DevicePass { Precision = _runtime.Precision, Observer = Observer }
        : new DevicePass
        {
            Precision = _runtime.Precision,
            Observer = Observer,
            Piece = piece,
            TakesFrom = name => RowsOf(piece, _carried[name]).detach().requires_grad_(is_grad_enabled()),
        };

    private Tensor NewRows() => NewRows(_network.Width);

    private Tensor NewRows(int width)
    {
        Tensor? rows = null;
        _runtime.Try(() => rows = empty([_layout.Rows, width], ScalarType.Float32, _runtime.Device), 0, null);
        return rows!;
    }

    private static Tensor RowsOf(BatchPiece piece, Tensor all) => all.narrow(0, piece.FirstRow, piece.Rows);

    private static void Write(BatchPiece piece, Tensor rows, Tensor to)
    {
        using var mode = no_grad();
        RowsOf(piece, to).copy_(rows);
    }

    private Tensor Select(Tensor x, ReadOnlySpan<int> rows) => x.index_select(0, IndexOf(rows));

    private Tensor IndexOf(ReadOnlySpan<int> rows) => RowIndex.Of(rows.ToArray(), _runtime.Device);
}
