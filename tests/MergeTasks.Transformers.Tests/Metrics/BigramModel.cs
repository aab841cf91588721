using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Tests.Metrics;

/// <summary>
/// A second implementation of the engine's interface, made of its public surface only: the next token depends on the last one through one
/// table of scores, the parameter <c>table</c>. As a classifier it scores a sequence's first token.
/// </summary>
internal sealed class BigramModel(float[,] table, ModelTask task = ModelTask.CausalLanguageModel) : ITransformerModel
{
    private readonly ParameterValue _table = ParameterValue.FromSingles(
        [table.GetLength(0), table.GetLength(1)], [.. table.Cast<float>()]);

    public ModelDescription Description { get; } = new()
    {
        Family = "bigram",
        Task = task,
        Vocabulary = table.GetLength(0),
        Outcomes = table.GetLength(1),
        MaximumPositions = 16,
        Layers = 1,
        Labels = [],
        BeginOfSequence = 2,
        EndOfSequence = [1],
        Modules = [new ModuleDescription("table", "table", table.GetLength(0), StoredByInput: true)],
        UnusedTensors = [],
    };

    public int TokensPerRun => 16;

    public IReadOnlyDictionary<string, ParameterValue> Parameters => new Dictionary<string, ParameterValue> { ["table"] = _table };

    public ITransformerModel Replacing(IReadOnlyDictionary<string, ParameterValue> replacements)
    {
        var values = new float[table.Length];
        replacements["table"].CopyTo(0, values);
        var other = new float[table.GetLength(0), table.GetLength(1)];
        Buffer.BlockCopy(values, 0, other, 0, sizeof(float) * values.Length);
        return new BigramModel(other, task);
    }

    public void Observe(TokenBatch batch, IActivationObserver observer, CancellationToken cancellation = default)
    {
        for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
        {
            for (var position = 0; position < batch.Sequences[sequence].Ids.Count; position++)
            {
                var input = new float[table.GetLength(0)];
                input[batch.Sequences[sequence].Ids[position]] = 1;
                observer.Observe(new ModuleInput
                {
                    Modules = ["table"],
                    Values = input,
                    Channels = input.Length,
                    BatchRows = [batch.Start(sequence) + position],
                });
            }
        }
    }

    public float[] Logits(
        TokenBatch batch, IReadOnlyList<(int Sequence, int Position)> positions, CancellationToken cancellation = default) =>
        [.. positions.SelectMany(at => Row(Token(batch, at.Sequence, at.Position)))];

    public IReadOnlyList<TargetScore> Score(TokenBatch batch, IReadOnlyList<Target> targets, CancellationToken cancellation = default) =>
        [.. targets.Select(target =>
        {
            var scores = Row(Token(batch, target.Sequence, target.Position));
            return new TargetScore(
                scores[target.Outcome] - Math.Log(scores.Sum(score => Math.Exp(score))), Array.IndexOf(scores, scores.Max()));
        })];

    public IReadOnlyList<TargetScore> Backward(
        TokenBatch batch, IReadOnlyList<Target> targets, IGradientReceiver receiver, CancellationToken cancellation = default)
    {
        var gradient = new float[table.GetLength(0), table.GetLength(1)];
        foreach (var target in targets)
        {
            var token = Token(batch, target.Sequence, target.Position);
            var exponentials = Row(token).Select(score => Math.Exp(score)).ToArray();
            for (var outcome = 0; outcome < exponentials.Length; outcome++)
                gradient[token, outcome] += (float)(target.Weight * ((outcome == target.Outcome
                    ? 1
                    : 0) - exponentials[outcome] / exponentials.Sum()));
        }

        receiver.Receive(
            new GradientPiece { Parameter = "table", Shape = _table.Shape, FirstRow = 0, Values = gradient.Cast<float>().ToArray() });
        return Score(batch, targets, cancellation);
    }

    public void Dispose()
    {
    }

    private int Token(TokenBatch batch, int sequence, int position) =>
        batch.Sequences[sequence].Ids[task == ModelTask.SequenceClassification ? 0 : position];

    private float[] Row(int token) => [.. Enumerable.Range(0, table.GetLength(1)).Select(outcome => table[token, outcome])];
}
