using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Options;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// The gradient of a task's metric, one fp32 tensor per parameter: as large as the model, so kept in a file and never in memory.
/// </summary>
internal sealed record GradientRequest : ScoreRequest
{
    private readonly TaskRun _run;

    internal GradientRequest(ScoreKey key, ModelDeclaration declaration, TaskRun run)
        : base(key, declaration, run.Data) => _run = run;

    /// <inheritdoc/>
    public override string Phase => "task gradient";

    internal override ScoreWork Work() => ScoreWork.Backward(_run.Tokens(_run.Share));

    internal override void Compute(ScoringContext context, string path)
    {
        using var loaded = _run.Model.Load(context.Engine);
        var metric = _run.Metric(loaded.Model);
        var tensors = loaded.Model.Parameters.Select(parameter => new TensorSpec(parameter.Key, DType.F32, parameter.Value.Shape));
        var layout = ShardLayout.OneFile(Path.GetFileName(path), tensors, Key.Metadata);
        context.Progress.Scoring(Model.Label, Phase, metric.Tokens,
            $"one forward and backward pass over {metric.Tokens} tokens; the gradient takes {ByteSize.Format(layout.Length)} in the cache");
        using var sums = new MappedSums(path, layout);
        metric.Backward(loaded.Model, new Adding(sums), context);
    }

    private sealed class Adding(MappedSums sums) : IGradientReceiver
    {
        public void Receive(in GradientPiece piece)
        {
            var own = sums.Rows(piece.Parameter, piece.FirstRow, piece.Values.Length);
            System.Numerics.Tensors.TensorPrimitives.Add(own, piece.Values, own);
        }
    }
}
