using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Statistics;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// A statistic of every module's inputs, one number per channel, from one forward pass per block (and a backward pass for gradients).
/// </summary>
internal sealed record ActivationRequest : ScoreRequest
{
    private readonly AimDeclaration _aim;
    private readonly RunnableModel _model;
    private readonly TokenizerFile _tokenizer;
    private readonly int _block;

    internal ActivationRequest(
        ScoreKey key, ModelDeclaration declaration, AimDeclaration aim, RunnableModel model, TokenizerFile tokenizer, int block)
        : base(key, declaration, aim.Calibration) =>
        (_aim, _model, _tokenizer, _block) = (aim, model, tokenizer, block);

    /// <inheritdoc/>
    public override string Phase => "activations";

    internal override ScoreWork Work() => Blocks() is { Count: var count }
        ? new(_aim.Statistic == ActivationStatistic.Gradient ? "forward and backward" : "forward", count, _block)
        : ScoreWork.None;

    internal override IEnumerable<ScoreList> Lists =>
        _model.Description.Modules.Select(module => new ScoreList(module.Name, module.InputChannels));

    internal override void Compute(ScoringContext context, string path)
    {
        var blocks = Blocks();
        using var loaded = _model.Load(context.Engine);
        context.Progress.Scoring(
            Model.Label,
            Phase,
            (long)blocks.Count * _block,
            $"{blocks.Count} forward{(_aim.Statistic == ActivationStatistic.Gradient ? " and backward" : "")} passes of {_block} tokens");
        var values = _aim.Statistic == ActivationStatistic.Gradient
            ? Gradients(context, loaded.Model, blocks)
            : Activations(context, loaded.Model, blocks);
        ScoreFile.Write(path, Key, values);
    }

    private IReadOnlyList<int[]> Blocks() => CalibrationText.Blocks(_aim.Calibration, _tokenizer.Load(), _aim.Samples, _block);

    private IEnumerable<(string, double[])> Activations(ScoringContext context, ITransformerModel model, IReadOnlyList<int[]> blocks)
    {
        var statistics = new ChannelStatistics();
        foreach (var run in blocks.Chunk(Math.Max(1, model.TokensPerRun / _block)))
        {
            model.Observe(TokenBatch.Of(run), statistics, context.Cancellation);
            context.Progress.Scored((long)run.Length * _block);
        }

        // An expert that no token was routed to has no statistics: nothing of it matters to the text.
        var observed = statistics.Modules.ToHashSet(StringComparer.Ordinal);
        return _model.Description.Modules.Select(module =>
            (module.Name, observed.Contains(module.Name) ? Of(statistics[module.Name]) : new double[module.InputChannels]));
    }

    private double[] Of(ChannelSums sums) => _aim.Statistic switch
    {
        ActivationStatistic.Rms => [.. sums.MeanSquare().Select(Math.Sqrt)],
        ActivationStatistic.Variance => sums.Variance(),
        _ => sums.MeanAbsolute(),
    };

    // One block at a time: the absolute value stands inside the mean over blocks.
    private IEnumerable<(string, double[])> Gradients(ScoringContext context, ITransformerModel model, IReadOnlyList<int[]> blocks)
    {
        var sums = new ColumnGradients(_model.Description.Modules);
        foreach (var block in blocks)
        {
            var targets = Enumerable.Range(1, block.Length - 1)
                .Select(i => new Target(0, i - 1, block[i], -1.0 / (block.Length - 1)))
                .ToList();
            model.Backward(TokenBatch.Of(block), targets, sums, context.Cancellation);
            context.Progress.Scored(block.Length);
        }

        return sums.MeanOver(blocks.Count);
    }
}
