using System.Numerics.Tensors;
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

    private delegate void Numbers(PcbMerge merge, MergeBlock block, int model, Span<float> numbers);

    // An order statistic takes two passes over its numbers; scores follow from where magnitudes are clamped.
    public override IEnumerable<SurveyRound> Rounds()
    {
        foreach (var (lower, upper, numbers) in new[]
        {
            (_smallest, _largest, (Numbers)MagnitudesOf), (_smallest, _largest, MagnitudesOf),
            (_threshold, _best, ScoresOf), (_threshold, _best, ScoresOf),
        })
        {
            yield return new SurveyRound(
                context => new Counting(new PcbMerge(context, this), lower, upper, numbers),
                () =>
                {
                    foreach (var statistic in lower.Concat(upper))
                        statistic.EndPass();
                });
        }

        static void MagnitudesOf(PcbMerge merge, MergeBlock block, int model, Span<float> numbers) =>
            TensorPrimitives.Abs(PcbMerge.Delta(block, model), numbers);

        static void ScoresOf(PcbMerge merge, MergeBlock block, int model, Span<float> numbers) => merge.Score(block, model, numbers);
    }

    private sealed class Counting(PcbMerge merge, OrderStatistic[] lower, OrderStatistic[] upper, Numbers numbersOf) : TensorMerge
    {
        public override int BeginPass(int pass) => pass == 0 ? 0 : -1;

        public override void Analyze(int pass, MergeBlock block, Span<double> partials)
        {
            merge.LoadDeltas(block);
            Span<float> numbers = stackalloc float[BlockLength];
            numbers = numbers[..block.Count];
            for (var model = 0; model < lower.Length; model++)
            {
                numbersOf(merge, block, model, numbers);
                lower[model].Count(block.Worker, numbers);
                upper[model].Count(block.Worker, numbers);
            }
        }

        public override void Merge(MergeBlock block) => throw new NotSupportedException();
    }
}
