using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Options;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// A model's diagonal Fisher information on its task: for each parameter p, F = (1/n)·Σ (∂Lₛ/∂p)² over the n samples, Lₛ the sum, or the
/// mean, of the log-probabilities of sample s's targets. Each sample runs alone, so that squares are per sample.
/// </summary>
internal sealed record FisherRequest : ScoreRequest
{
    private readonly TaskRun _run;
    private readonly bool _ofMeans;

    internal FisherRequest(ScoreKey key, ModelDeclaration declaration, TaskRun run, bool ofMeans = false)
        : base(key, declaration, run.Data) => (_run, _ofMeans) = (run, ofMeans);

    /// <inheritdoc/>
    public override string Phase => _ofMeans ? "mean squared gradients" : "Fisher information";

    internal override ScoreWork Work() => ScoreWork.Backward(_run.Tokens(_run.Share));

    internal override void Compute(ScoringContext context, string path)
    {
        using var loaded = _run.Model.Load(context.Engine);
        var metric = _run.Metric(loaded.Model);
        var layout = ShardLayout.OneFile(
            Path.GetFileName(path),
            loaded.Model.Parameters.Select(parameter => new TensorSpec(parameter.Key, DType.F32, parameter.Value.Shape)),
            Key.Metadata);
        context.Progress.Scoring(Model.Label, Phase, metric.Tokens,
            $"one forward and backward pass over {metric.Tokens} tokens, sample by sample; the result "
                + $"takes {ByteSize.Format(layout.Length)} in the cache");
        using var sums = new MappedSums(path, layout);
        var receiver = new Squaring(sums, 1f / metric.Samples);
        foreach (var (batch, targets) in metric.Batches)
        {
            for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
            {
                var own = targets.Where(target => target.Sequence == sequence).ToList();
                own = own.ConvertAll(target => target with { Sequence = 0, Weight = _ofMeans ? 1.0 / own.Count : 1 });
                loaded.Model.Backward(new TokenBatch(batch.Sequences[sequence]), own, receiver, context.Cancellation);
                context.Progress.Scored(batch.Sequences[sequence].Ids.Count);
            }
        }
    }

    private sealed class Squaring(MappedSums sums, float share) : IGradientReceiver
    {
        public void Receive(in GradientPiece piece)
        {
            var own = sums.Rows(piece.Parameter, piece.FirstRow, piece.Values.Length);
            for (var i = 0; i < own.Length; i++)
                own[i] = MathF.FusedMultiplyAdd(piece.Values[i] * piece.Values[i], share, own[i]);
        }
    }
}
