using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Selecting;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>The numbers of <see cref="PcbMethod"/> that belong to the whole model: where magnitudes and scores are clamped.</summary>
internal sealed class PcbSurvey : ModelSurvey
{
    private const double Clamped = 1e-4;

    private readonly OrderStatistic[] _smallest;
    private readonly OrderStatistic[] _largest;
    private readonly OrderStatistic[] _threshold;
    private readonly OrderStatistic[] _best;
    private int _round;

    public PcbSurvey(IReadOnlyList<TensorContext> contexts)
    {
        var (workers, models) = (contexts[0].Workers, contexts[0].ModelIndices().Length);
        var elements = contexts.Sum(context => context.ElementCount);
        _smallest = Statistics((long)(elements * Clamped));
        _largest = Statistics((long)((elements * (1 - Clamped)) - 1));
        _threshold = Statistics((long)(elements * (1 - contexts[0]["ratio"])));
        _best = Statistics(elements - 1);

        OrderStatistic[] Statistics(long rank) =>
            [.. Enumerable.Range(0, models).Select(_ => new OrderStatistic(workers, Math.Clamp(rank, 0, Math.Max(0, elements - 1))))];
    }

    /// <summary>Between which magnitudes a model's are clamped.</summary>
    public (float Smallest, float Largest) Magnitudes(int model) => (_smallest[model].Value, _largest[model].Value);

    /// <summary>From which score on a model's elements take part, and its highest score.</summary>
    public (float Threshold, float Best) Scores(int model) => (_threshold[model].Value, _best[model].Value);

    public override bool BeginRound() => ++_round <= 4;

    public override TensorMerge Begin(TensorContext context) => new Counting(this, new PcbMerge(context, this));

    public override void EndRound()
    {
        foreach (var statistic in _round <= 2 ? _smallest.Concat(_largest) : _threshold.Concat(_best))
            statistic.EndPass();
    }

    private sealed class Counting(PcbSurvey survey, PcbMerge merge) : TensorMerge
    {
        public override int BeginPass(int pass) => pass == 0 ? 0 : -1;

        public override void Analyze(int pass, MergeBlock block, Span<double> partials)
        {
            merge.LoadDeltas(block);
            Span<float> numbers = stackalloc float[BlockLength];
            numbers = numbers[..block.Count];
            for (var model = 0; model < survey._smallest.Length; model++)
            {
                if (survey._round <= 2)
                    System.Numerics.Tensors.TensorPrimitives.Abs(PcbMerge.Delta(block, model), numbers);
                else
                    merge.Score(block, model, numbers);
                (survey._round <= 2 ? survey._smallest : survey._threshold)[model].Count(block.Worker, numbers);
                (survey._round <= 2 ? survey._largest : survey._best)[model].Count(block.Worker, numbers);
            }
        }

        public override void Merge(MergeBlock block) => throw new NotSupportedException();
    }
}
