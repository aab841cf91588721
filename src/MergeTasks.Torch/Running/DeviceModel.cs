using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Torch.Running;

/// <summary>A model on a device.</summary>
internal sealed class DeviceModel : ITransformerModel
{
    private readonly TransformerSpec _spec;
    private readonly string _folder;
    private readonly CpuModel _described;
    private readonly DeviceRuntime _runtime;
    private readonly IDisposable? _owned;
    private readonly DeviceNetwork _network;
    private readonly HashSet<ParameterValue> _own;
    private bool _disposed;

    /// <summary>Binds the parameters.</summary>
    /// <param name="spec">The arithmetic.</param>
    /// <param name="folder">The model's folder, for messages.</param>
    /// <param name="described">The same model as the other engine sees it: what it is, and the checks of what is asked of it.</param>
    /// <param name="runtime">The device.</param>
    /// <param name="owned">What to dispose of with the model.</param>
    /// <param name="shared">A model that owns some of the same parameters; null: none does.</param>
    public DeviceModel(
        TransformerSpec spec, string folder, CpuModel described, DeviceRuntime runtime, IDisposable? owned, DeviceModel? shared = null)
    {
        _spec = spec;
        _folder = folder;
        _described = described;
        _runtime = runtime;
        _owned = owned;
        _network = new DeviceNetwork(spec, new ParameterSet(described.Values, spec, folder));
        _own = [.. _network.Parts.SelectMany(part => part.Parameters).Select(parameter => parameter.Source)];
        if (shared is not null)
            _own.ExceptWith(shared._network.Parts.SelectMany(part => part.Parameters).Select(parameter => parameter.Source));
    }

    /// <inheritdoc/>
    public ModelDescription Description => _described.Description;

    /// <inheritdoc/>
    public int TokensPerRun => _runtime.TokensPerRun;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, ParameterValue> Parameters => _described.Parameters;

    /// <inheritdoc/>
    public ITransformerModel Replacing(IReadOnlyDictionary<string, ParameterValue> replacements) =>
        new DeviceModel(_spec, _folder, (CpuModel)_described.Replacing(replacements), _runtime, null, this);

    /// <inheritdoc/>
    public void Observe(TokenBatch batch, IActivationObserver observer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(observer);
        var layout = LayoutOf(batch);
        using var run = new DeviceRun(
            _network, _runtime, layout, new EmbeddingRows(_spec.Embedding, batch), cancellation)
        { Observer = observer };
        run.ObserveHead(run.Forward(keepsInputs: false), _spec.Head.FirstTokenOnly ? layout.FirstRows : layout.Identity);
    }

    /// <inheritdoc/>
    public float[] Logits(TokenBatch batch, IReadOnlyList<(int Sequence, int Position)> positions, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(positions);
        var outcomes = Description.Outcomes;
        var scored = ScoredOf(batch, [.. positions.Select(position => new Target(position.Sequence, position.Position, 0))]);
        var logits = new float[(long)positions.Count * outcomes];
        using var run = NewRun(batch, cancellation);
        run.Score(run.Forward(keepsInputs: false), scored.BatchRows, outcomes, (scores, first, end) =>
        {
            var values = HostCopies.Singles(scores);
            foreach (var (i, target) in scored.Targets.Index().Where(target => target.Item.Row >= first && target.Item.Row < end))
                values.AsSpan((target.Row - first) * outcomes, outcomes).CopyTo(logits.AsSpan(i * outcomes));
        });
        return logits;
    }

    /// <inheritdoc/>
    public IReadOnlyList<TargetScore> Score(TokenBatch batch, IReadOnlyList<Target> targets, CancellationToken cancellation = default)
    {
        var scored = ScoredOf(batch, targets);
        var results = new TargetScore[targets.Count];
        using var run = NewRun(batch, cancellation);
        run.Score(run.Forward(keepsInputs: false), scored.BatchRows, Description.Outcomes, (scores, first, end) =>
            new OutcomeRows(scores, first, end, scored.Targets).Score(results));
        return results;
    }

    /// <inheritdoc/>
    public IReadOnlyList<TargetScore> Backward(
        TokenBatch batch, IReadOnlyList<Target> targets, IGradientReceiver receiver, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        var scored = ScoredOf(batch, targets);
        var results = new TargetScore[targets.Count];
        using var run = NewRun(batch, cancellation);
        run.Backward(run.Forward(keepsInputs: true), scored.BatchRows, Description.Outcomes, receiver, (scores, first, end) =>
        {
            var rows = new OutcomeRows(scores, first, end, scored.Targets);
            rows.Score(results);
            return rows.Gradient();
        });
        return results;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _runtime.Weights.Release(_own);
        _described.Dispose();
        _owned?.Dispose();
    }

    private DeviceRun NewRun(TokenBatch batch, CancellationToken cancellation) =>
        new(_network, _runtime, LayoutOf(batch), new EmbeddingRows(_spec.Embedding, batch), cancellation);

    private BatchLayout LayoutOf(TokenBatch batch)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(batch);
        return new BatchLayout(batch, takesPadding: _spec.Task != ModelTask.CausalLanguageModel);
    }

    private ScoredRows ScoredOf(TokenBatch batch, IReadOnlyList<Target> targets) =>
        new(batch, targets, _spec.Head.FirstTokenOnly, Description.Outcomes);
}
