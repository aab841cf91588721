using System.Diagnostics;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Torch;

/// <summary>
/// The built-in engine under a device's name. What a file <c>behave.txt</c> beside this assembly says, if it exists, happens at the first
/// run of a model: <c>crash</c> ends the process, <c>wait</c> waits to be cancelled.
/// </summary>
internal sealed class StandInEngine(DeviceOptions options) : ITransformerEngine
{
    private static readonly string Orders = Path.Combine(Path.GetDirectoryName(typeof(StandInEngine).Assembly.Location)!, "behave.txt");

    private readonly CpuEngine _engine = new(new EngineOptions { Threads = options.Threads });

    public string NumericsVersion => options.NumericsVersion;

    public ITransformerModel Load(string folder) => new Model(_engine.Load(folder), options);

    public ITransformerModel Load(
        string folder, ReadOnlyMemory<byte> configuration, IReadOnlyDictionary<string, ParameterValue> tensors) =>
        new Model(_engine.Load(folder, configuration, tensors), options);

    private sealed class Model(ITransformerModel inner, DeviceOptions options) : ITransformerModel
    {
        public ModelDescription Description => inner.Description;

        public IReadOnlyDictionary<string, ParameterValue> Parameters => inner.Parameters;

        public int TokensPerRun => inner.TokensPerRun;

        public ITransformerModel Replacing(IReadOnlyDictionary<string, ParameterValue> replacements) =>
            new Model(inner.Replacing(replacements), options);

        public void Observe(TokenBatch batch, IActivationObserver observer, CancellationToken cancellation = default)
        {
            Obey(cancellation);
            inner.Observe(batch, observer, cancellation);
        }

        public float[] Logits(
            TokenBatch batch, IReadOnlyList<(int Sequence, int Position)> positions, CancellationToken cancellation = default)
        {
            Obey(cancellation);
            return inner.Logits(batch, positions, cancellation);
        }

        public IReadOnlyList<TargetScore> Score(TokenBatch batch, IReadOnlyList<Target> targets, CancellationToken cancellation = default)
        {
            Obey(cancellation);
            return inner.Score(batch, targets, cancellation);
        }

        public IReadOnlyList<TargetScore> Backward(
            TokenBatch batch, IReadOnlyList<Target> targets, IGradientReceiver receiver, CancellationToken cancellation = default)
        {
            Obey(cancellation);
            return inner.Backward(batch, targets, receiver, cancellation);
        }

        public void Dispose() => inner.Dispose();

        private void Obey(CancellationToken cancellation)
        {
            if (!File.Exists(Orders))
                return;
            var order = File.ReadAllText(Orders).Trim();
            options.Told?.Invoke($"order: {order}");
            if (order == "crash")
            {
                Process.GetCurrentProcess().Kill();
                Thread.Sleep(Timeout.Infinite);
            }

            cancellation.WaitHandle.WaitOne();
            cancellation.ThrowIfCancellationRequested();
        }
    }
}
