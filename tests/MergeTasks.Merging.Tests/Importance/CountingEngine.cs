using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>An engine, counting what it is asked to run, by model folder.</summary>
internal sealed class CountingEngine(string engineName = TestedEngines.Processor) : ITransformerEngine
{
    private readonly ITransformerEngine _engine = TestedEngines.Open(engineName);

    /// <summary>Every run in order: what, and the name of the model's folder.</summary>
    public List<string> Runs { get; } = [];

    /// <summary>Tokens that ran through models, by kind of run.</summary>
    public Dictionary<string, long> Tokens { get; } = [];

    /// <summary>Called before each run.</summary>
    public Action<string>? Running { get; set; }

    /// <summary>Replaces what observers see; <see langword="null"/>: the model's own activations.</summary>
    public Action<ITransformerModel, IActivationObserver>? Observing { get; set; }

    /// <summary>Another engine's version; <see langword="null"/>: the product's own.</summary>
    public string? Version { get; set; }

    public string NumericsVersion => Version ?? _engine.NumericsVersion;

    public ITransformerModel Load(string folder) => new Model(this, _engine.Load(folder), Path.GetFileName(folder));

    public ITransformerModel Load(
        string folder, ReadOnlyMemory<byte> configuration, IReadOnlyDictionary<string, ParameterValue> tensors) =>
        new Model(this, _engine.Load(folder, configuration, tensors), Path.GetFileName(folder));

    private void Count(string what, string folder, TokenBatch batch)
    {
        Running?.Invoke($"{what} {folder}");
        Runs.Add($"{what} {folder}");
        Tokens[what] = Tokens.GetValueOrDefault(what) + batch.Rows;
    }

    private sealed class Model(CountingEngine engine, ITransformerModel inner, string folder) : ITransformerModel
    {
        public ModelDescription Description => inner.Description;

        public int TokensPerRun => inner.TokensPerRun;

        public IReadOnlyDictionary<string, ParameterValue> Parameters => inner.Parameters;

        public ITransformerModel Replacing(IReadOnlyDictionary<string, ParameterValue> replacements) =>
            new Model(engine, inner.Replacing(replacements), folder);

        public void Observe(TokenBatch batch, IActivationObserver observer, CancellationToken cancellation = default)
        {
            engine.Count("observe", folder, batch);
            if (engine.Observing is null)
                inner.Observe(batch, observer, cancellation);
            else
                engine.Observing(inner, observer);
        }

        public float[] Logits(
            TokenBatch batch, IReadOnlyList<(int Sequence, int Position)> positions, CancellationToken cancellation = default) =>
            throw new InvalidOperationException("Scoring never needs raw logits.");

        public IReadOnlyList<TargetScore> Score(TokenBatch batch, IReadOnlyList<Target> targets, CancellationToken cancellation = default)
        {
            engine.Count("score", folder, batch);
            return inner.Score(batch, targets, cancellation);
        }

        public IReadOnlyList<TargetScore> Backward(
            TokenBatch batch, IReadOnlyList<Target> targets, IGradientReceiver receiver, CancellationToken cancellation = default)
        {
            engine.Count("backward", folder, batch);
            return inner.Backward(batch, targets, receiver, cancellation);
        }

        public void Dispose() => inner.Dispose();
    }
}
