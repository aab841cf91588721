using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Statistics;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// A statistic of every module's inputs, one number per channel, from one forward pass per block (and a backward pass for gradients).
/// </summary>
internal sealed record ActivationRequest : DividedRequest
{
    private readonly AimDeclaration _aim;
    private readonly RunnableModel _model;
    private readonly TokenizerFile _tokenizer;
    private readonly int _block;

    // Blocks of the text, in groups of which each is summed up by itself.
    private readonly Lazy<List<List<int[]>>> _groups;

    internal ActivationRequest(
        ScoreKey key, ModelDeclaration declaration, AimDeclaration aim, RunnableModel model, TokenizerFile tokenizer, int block)
        : base(key, declaration, aim.Calibration) =>
        (_aim, _model, _tokenizer, _block, _groups) = (aim, model, tokenizer, block, new(() =>
        {
            var blocks = CalibrationText.Blocks(aim.Calibration, tokenizer.Load(), aim.Samples, block);
            return [.. SampleGroups.Of([.. blocks.Select(own => own.Length)]).Select(range => blocks.Take(range).ToList())];
        }));

    /// <inheritdoc/>
    public override string Phase => "activations";

    private bool IsOfGradients => _aim.Statistic == ActivationStatistic.Gradient;

    private string Pass => IsOfGradients ? "forward and backward" : "forward";

    internal override IEnumerable<ScoreList> Lists =>
        _model.Description.Modules.Select(module => new ScoreList(module.Name, module.InputChannels));

    private protected override int Count() => _groups.Value.Count;

    private protected override ScoreWork WorkOf(int? piece)
    {
        var groups = _groups.Value;
        var blocks = piece is { } group ? groups[group].Count : groups.Sum(own => own.Count);
        return blocks == 0 ? ScoreWork.None : new(Pass, blocks, _block);
    }

    private protected override IEnumerable<IEnumerable<(string Name, double[] Values)>> Run(
        ScoringContext context, IReadOnlyList<int> pieces)
    {
        if (pieces.Count == 0)
            yield break;
        var groups = _groups.Value;
        using var loaded = _model.Load(context.Engine);
        var blocks = pieces.Sum(piece => groups[piece].Count);
        context.Progress.Scoring(Model.Label, Phase, (long)blocks * _block, $"{blocks} {Pass} passes of {_block} tokens");
        foreach (var piece in pieces)
            yield return IsOfGradients
                ? Gradients(context, loaded.Model, groups[piece])
                : Activations(context, loaded.Model, groups[piece]);
    }

    private protected override IEnumerable<(string Name, double[] Values)> PutTogether(
        IEnumerable<IReadOnlyDictionary<string, double[]>> pieces)
    {
        var (sums, blocks) = (SampleGroups.Sum(pieces), _groups.Value.Sum(group => group.Count));

        // An expert that no token was routed to has no statistics: nothing of it matters to the text.
        return _model.Description.Modules.Select(module => (module.Name, !sums.TryGetValue(module.Name, out var own)
            ? new double[module.InputChannels]
            : IsOfGradients ? [.. own.Select(sum => sum / blocks)] : Of(Unlisted(own))));
    }

    private static double[] Listed(ChannelTotals totals) => [.. totals.Absolute, .. totals.Plain, .. totals.Square, totals.Rows];

    private static ChannelSums Unlisted(double[] list)
    {
        var channels = list.Length / 3;
        var sums = new ChannelSums(channels);
        sums.Add(new ChannelTotals
        {
            Absolute = list[..channels],
            Plain = list[channels..(2 * channels)],
            Square = list[(2 * channels)..^1],
            Rows = (long)list[^1],
        });
        return sums;
    }

    private IEnumerable<(string, double[])> Activations(ScoringContext context, ITransformerModel model, List<int[]> blocks)
    {
        var statistics = new ChannelStatistics();
        foreach (var run in blocks.Chunk(Math.Max(1, model.TokensPerRun / _block)))
        {
            model.Observe(TokenBatch.Of(run), statistics, context.Cancellation);
            context.Progress.Scored((long)run.Length * _block);
        }

        return statistics.Modules.Select(module => (module, Listed(statistics[module].Totals)));
    }

    private double[] Of(ChannelSums sums) => _aim.Statistic switch
    {
        ActivationStatistic.Rms => [.. sums.MeanSquare().Select(Math.Sqrt)],
        ActivationStatistic.Variance => sums.Variance(),
        _ => sums.MeanAbsolute(),
    };

    // One block at a time: the absolute value stands inside the mean over blocks.
    private IEnumerable<(string, double[])> Gradients(ScoringContext context, ITransformerModel model, List<int[]> blocks)
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

        return sums.Sums;
    }
}
