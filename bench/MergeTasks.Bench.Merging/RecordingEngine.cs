using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Bench.Merging;

/// <summary>The product's engine, which remembers what it was asked to run and can run the same again for nobody.</summary>
internal sealed class RecordingEngine(int threads) : ITransformerEngine
{
    private readonly CpuEngine _engine = new(new EngineOptions { Threads = threads });
    private readonly List<(string Folder, Action<ITransformerModel> Run)> _runs = [];

    public string NumericsVersion => _engine.NumericsVersion;

    /// <summary>Tokens that ran.</summary>
    public long Tokens { get; private set; }

    public ITransformerModel Load(string folder) => new Model(this, _engine.Load(folder), folder);

    // What is of no folder alone is run, and not repeated.
    public ITransformerModel Load(
        string folder, ReadOnlyMemory<byte> configuration, IReadOnlyDictionary<string, ParameterValue> tensors) =>
        _engine.Load(folder, configuration, tensors);

    /// <summary>Runs everything again, with observers and receivers that drop what they get.</summary>
    public void Repeat()
    {
        foreach (var group in _runs.GroupBy(run => run.Folder))
        {
            using var model = _engine.Load(group.Key);
            foreach (var (_, run) in group)
                run(model);
        }
    }

    private void Record(string folder, TokenBatch batch, Action<ITransformerModel> run)
    {
        _runs.Add((folder, run));
        Tokens += batch.Rows;
    }

    private sealed class Model(RecordingEngine engine, ITransformerModel inner, string folder) : ITransformerModel
    {
        public ModelDescription Description => inner.Description;

        public int TokensPerRun => inner.TokensPerRun;

        public IReadOnlyDictionary<string, ParameterValue> Parameters => inner.Parameters;

        public ITransformerModel Replacing(IReadOnlyDictionary<string, ParameterValue> replacements) => inner.Replacing(replacements);

        public void Observe(TokenBatch batch, IActivationObserver observer, CancellationToken cancellation = default)
        {
            engine.Record(folder, batch, model => model.Observe(batch, Nobody.Instance, CancellationToken.None));
            inner.Observe(batch, observer, cancellation);
        }

        public float[] Logits(
            TokenBatch batch, IReadOnlyList<(int Sequence, int Position)> positions, CancellationToken cancellation = default) =>
            inner.Logits(batch, positions, cancellation);

        public IReadOnlyList<TargetScore> Score(TokenBatch batch, IReadOnlyList<Target> targets, CancellationToken cancellation = default)
        {
            engine.Record(folder, batch, model => model.Score(batch, targets));
            return inner.Score(batch, targets, cancellation);
        }

        public IReadOnlyList<TargetScore> Backward(
            TokenBatch batch, IReadOnlyList<Target> targets, IGradientReceiver receiver, CancellationToken cancellation = default)
        {
            engine.Record(folder, batch, model => model.Backward(batch, targets, Nobody.Instance));
            return inner.Backward(batch, targets, receiver, cancellation);
        }

        public void Dispose() => inner.Dispose();
    }
}
