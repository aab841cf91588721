using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Processor;

/// <summary>A model on the processor: embedding, layers and head, and the order in which a run visits them.</summary>
internal sealed class CpuModel : ITransformerModel
{
    private const int Embedded = -1;

    private readonly TransformerSpec _spec;
    private readonly ModelIdentity _identity;
    private readonly IReadOnlyDictionary<string, ParameterValue> _values;
    private readonly IDisposable? _owned;
    private readonly EngineOptions _options;
    private readonly ParameterSet _parameters;
    private readonly Embedding _embedding;
    private readonly Layer[] _layers;
    private readonly Head _head;
    private readonly ActivationPool _pool;
    private readonly Dictionary<string, int> _firstUses = new(StringComparer.Ordinal);
    private readonly KeptPrefix _prefix;
    private readonly (CpuModel Model, int Layers)? _shared;
    private bool _disposed;

    /// <summary>Binds every parameter, so that what is missing or does not fit is reported before any work.</summary>
    /// <param name="spec">The arithmetic.</param>
    /// <param name="identity">The rest of the configuration.</param>
    /// <param name="values">Every tensor by name.</param>
    /// <param name="owned">What to dispose of with the model.</param>
    /// <param name="options">How much of the machine may be used.</param>
    /// <param name="pool">Memory of a model that does not run at the same time.</param>
    /// <param name="shared">A model that has the same embedding and first layers, and how many layers these are.</param>
    /// <exception cref="ModelException">The tensors do not fit the specification.</exception>
    public CpuModel(
        TransformerSpec spec,
        ModelIdentity identity,
        IReadOnlyDictionary<string, ParameterValue> values,
        IDisposable? owned,
        EngineOptions options,
        ActivationPool? pool = null,
        (CpuModel Model, int Layers)? shared = null)
    {
        _spec = spec;
        _identity = identity;
        _values = values;
        _owned = owned;
        _options = options;
        _pool = pool ?? new ActivationPool();
        _parameters = new ParameterSet(values, spec, identity.Folder);
        _shared = shared;
        _prefix = new KeptPrefix(options.KeptBytes);
        _embedding = new Embedding(spec.Embedding, _parameters);
        NoteUses(Embedded);
        _layers = new Layer[spec.Layers.Count];
        for (var i = 0; i < _layers.Length; i++)
        {
            _layers[i] = Layer.Of(spec.Layers[i], _parameters);
            NoteUses(i);
        }

        _layers = Streamed(_layers);
        _head = new Head(spec.Head, _parameters);
        NoteUses(_layers.Length);
        Description = Describe();
    }

    /// <inheritdoc/>
    public ModelDescription Description { get; }

    /// <inheritdoc/>
    public int TokensPerRun => 1024;

    /// <summary>Every tensor by name, replaced ones as they are now.</summary>
    public IReadOnlyDictionary<string, ParameterValue> Values => _values;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, ParameterValue> Parameters => _parameters.Used;

    /// <inheritdoc/>
    public ITransformerModel Replacing(IReadOnlyDictionary<string, ParameterValue> replacements)
    {
        ArgumentNullException.ThrowIfNull(replacements);
        var values = new Dictionary<string, ParameterValue>(_values, StringComparer.Ordinal);
        var same = _layers.Length;
        foreach (var (name, value) in replacements)
        {
            var own = _parameters.Resolve(name);
            if (own is null || !_parameters.Used.TryGetValue(own, out var replaced))
                throw new ModelException(
                    ModelError.BadInput, $"The model in '{_identity.Folder}' has no parameter '{name}' to replace.", _identity.Folder);
            if (!replaced.Shape.SequenceEqual(value.Shape))
            {
                throw new ModelException(
                    ModelError.BadInput,
                    $"Parameter '{name}' has the shape [{string.Join(", ", replaced.Shape)}]; its replacement has "
                        + $"[{string.Join(", ", value.Shape)}].",
                    _identity.Folder);
            }

            values[own] = value;
            same = Math.Min(same, _firstUses[own]);
        }

        var shares = same != Embedded && replacements.Count > 0 && !_spec.Carries;
        return new CpuModel(_spec, _identity, values, null, _options, _pool, shares ? (this, same) : null);
    }

    /// <inheritdoc/>
    public void Observe(TokenBatch batch, IActivationObserver observer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(observer);
        Run(batch, observer, null, (pass, rows) =>
        {
            using var x = Run(pass, _embedding.Forward(pass, rows), 0, _layers.Length);
            using var h = _head.Forward(pass, x, _head.FirstTokenOnly ? pass.Layout.FirstRows : pass.Layout.Identity);
            return 0;
        }, cancellation);
    }

    /// <inheritdoc/>
    public float[] Logits(TokenBatch batch, IReadOnlyList<(int Sequence, int Position)> positions, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(positions);
        var targets = positions.Select(position => new Target(position.Sequence, position.Position, 0)).ToArray();
        var scored = new ScoredRows(batch, targets, _head.FirstTokenOnly, _head.Output.Outcomes);
        return Run(batch, null, null, (pass, rows) =>
        {
            using var x = Forward(pass, rows, batch);
            using var h = _head.Forward(pass, x, scored.BatchRows);
            using var scores = _head.Output.Scores(pass, h, 0, _head.Output.Outcomes);
            var logits = new float[(long)targets.Length * scores.Channels];
            for (var i = 0; i < targets.Length; i++)
                scores.Row(scored.Targets[i].Row).CopyTo(logits.AsSpan(i * scores.Channels, scores.Channels));
            return logits;
        }, cancellation);
    }

    /// <inheritdoc/>
    public IReadOnlyList<TargetScore> Score(TokenBatch batch, IReadOnlyList<Target> targets, CancellationToken cancellation = default)
    {
        var scored = new ScoredRows(batch, targets, _head.FirstTokenOnly, _head.Output.Outcomes);
        return Run(batch, null, null, (pass, rows) =>
        {
            using var x = Forward(pass, rows, batch);
            using var h = _head.Forward(pass, x, scored.BatchRows);
            using var scores = new OutcomeScores(_head.Output, h, scored.Targets, keepBytes: 0);
            return scores.Score(pass);
        }, cancellation);
    }

    /// <inheritdoc/>
    public IReadOnlyList<TargetScore> Backward(
        TokenBatch batch, IReadOnlyList<Target> targets, IGradientReceiver receiver, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        var scored = new ScoredRows(batch, targets, _head.FirstTokenOnly, _head.Output.Outcomes);
        return Run(batch, null, receiver, (pass, rows) =>
        {
            using var inputs = new LayerInputs(_layers, _options.KeptBytes);
            pass.Tape = inputs.EmbeddingTape;
            using var last = inputs.Forward(pass, _embedding.Forward(pass, rows));
            using var headTape = new Tape();
            pass.Tape = headTape;
            using var h = _head.Forward(pass, last, scored.BatchRows);
            using var outcomes = new OutcomeScores(_head.Output, h, scored.Targets, _options.KeptBytes / 4);
            var scores = outcomes.Score(pass);
            Activation gradient;
            using (var dh = outcomes.Backward(pass))
                gradient = _head.Backward(pass, dh, scored.BatchRows);
            using var first = inputs.Backward(pass, gradient);
            pass.Tape = inputs.EmbeddingTape;
            _embedding.Backward(pass, rows, first, _head.Output.IsTied ? outcomes : null);
            return scores;
        }, cancellation);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _prefix.Dispose();
        _owned?.Dispose();
    }

    // Of a model larger than memory no layer's weights stay after it has run.
    private Layer[] Streamed(Layer[] layers)
    {
        if (_values.Values.Where(value => value.IsMapped || value.IsComputed).Sum(value => value.ByteLength) <= _options.ResidentBytes)
            return layers;
        var weights = Array.ConvertAll(
            layers, layer => layer.Modules.Select(module => module.Weight).Distinct().Select(weight => _parameters.Used[weight]).ToArray());
        return [
            .. layers.Select((layer, i) => new StreamedLayer(
                layer, weights[i], i + 1 < weights.Length ? weights[i + 1] : [], i > 0 ? weights[i - 1] : [])),
        ];
    }

    private T Run<T>(
        TokenBatch batch,
        IActivationObserver? observer,
        IGradientReceiver? receiver,
        Func<Pass, EmbeddingRows, T> work,
        CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(batch);
        var rows = new EmbeddingRows(_spec.Embedding, batch);
        var layout = new BatchLayout(batch, takesPadding: _spec.Task != ModelTask.CausalLanguageModel);
        var pass = new Pass
        {
            Layout = layout,
            Pool = _pool,
            Threads = _options.Threads,
            Cancellation = cancellation,
            Observer = observer,
            Receiver = receiver
        };
        using var carried = pass.Carried;
        var result = work(pass, rows);
        _pool.Trim();
        // Products read the mapped or pinned memory by address.
        GC.KeepAlive(this);
        return result;
    }

    // What it has in common with the model that it was made from is computed once for all models made from that.
    private Activation Forward(Pass pass, EmbeddingRows rows, TokenBatch batch) => _shared is { } shared
        ? Run(pass, shared.Model.Prefix(pass, rows, batch, shared.Layers), shared.Layers, _layers.Length)
        : Run(pass, _embedding.Forward(pass, rows), 0, _layers.Length);

    private Activation Prefix(Pass pass, EmbeddingRows rows, TokenBatch batch, int layers)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var (first, input) = _prefix.Find(batch, layers) ?? (0, _embedding.Forward(pass, rows));
        var x = Run(pass, input, first, layers);

        // What later layers take beside the stream would be missing where a run begins in the middle.
        if (pass.Carried.IsEmpty)
            _prefix.Keep(batch, layers, x);
        return x;
    }

    private Activation Run(Pass pass, Activation x, int first, int end)
    {
        for (var i = first; i < end; i++)
        {
            using var input = x;
            x = _layers[i].Forward(pass, input);
        }

        return x;
    }

    private void NoteUses(int layer)
    {
        foreach (var name in _parameters.TakeBound())
            _firstUses.TryAdd(name, layer);
    }

    private ModelDescription Describe() => new()
    {
        Family = _identity.Family,
        Task = _spec.Task,
        Vocabulary = _spec.Embedding.Vocabulary,
        Outcomes = _head.Output.Outcomes,
        MaximumPositions = _spec.MaximumPositions,
        Layers = _layers.Length,
        Labels = _spec.Labels,
        BeginOfSequence = _identity.BeginOfSequence,
        EndOfSequence = _identity.EndOfSequence,
        Modules = [
            .. _embedding.Modules.Concat(_layers.SelectMany(layer => layer.Modules)).Concat(_head.Modules).DistinctBy(module => module.Name)
        ],
        Tables = [.. _embedding.Tables],
        UnusedTensors = [.. _values.Keys.Where(name => !_parameters.Used.ContainsKey(name)).Order(StringComparer.Ordinal)],
    };
}
