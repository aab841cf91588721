using System.Runtime.CompilerServices;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Methods.Selecting;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// The merge of <see cref="ArceeFusionMethod"/>: passes for each row's maxima, sums and divergence, then for the quantiles of the scores.
/// </summary>
internal sealed class FusionMerge : PassingMerge
{
    private const double Smoothing = 1e-8;
    private static readonly double[] Quantiles = [0.25, 0.5, 0.75];

    private readonly TensorContext _context;
    private readonly int _base;
    private readonly int _other;
    private readonly VectorLayout _rows;
    private readonly ScoreSample? _sample;

    // Compatibility mode rounds after each step and keeps divergences that rounding makes negative: scores may be below zero.
    private readonly bool _isStepwise;
    private readonly float[]? _all;
    private VectorTable? _divergences;
    private float _threshold;

    public FusionMerge(TensorContext context)
    {
        _context = context;
        _base = context.BaseIndex;
        _other = context.ModelIndices() is [var other] ? other : -1;
        _rows = VectorLayout.Of(context.Shape, VectorAxis.Last);
        _sample = ScoreSample.Of(context);
        _isStepwise = context.CompatibleDType is not null;
        _all = context.ElementCount <= BlockLength || (_isStepwise && _sample is null) ? new float[context.ElementCount] : null;
    }

    public override int? CopyOf => _other < 0 ? _base : null;

    private delegate void LookAtRow(Span<double> numbers, long row, ReadOnlySpan<float> other, ReadOnlySpan<float> baseValues);

    protected override IEnumerable<TensorPass> Passes()
    {
        if (CopyOf is not null || _context.ElementCount == 0)
            yield break;
        var maxima = new VectorTable(_rows, _context.ElementCount, 2);
        yield return OverRows(
            maxima, (numbers, _, other, baseValues) => (numbers[0], numbers[1]) = (Largest(other), Largest(baseValues)), Math.Max);
        var sums = new VectorTable(_rows, _context.ElementCount, 2);
        yield return OverRows(
            sums,
            (numbers, row, other, baseValues) =>
                (numbers[0], numbers[1]) = (Exponentials(other, maxima.Of(row)[0]), Exponentials(baseValues, maxima.Of(row)[1])),
            (a, b) => a + b);
        _divergences = new VectorTable(_rows, _context.ElementCount, 1);
        yield return OverRows(
            _divergences,
            (numbers, row, other, baseValues) => numbers[0] = _isStepwise
                ? StepwiseDivergence(other, baseValues, maxima.Of(row), sums.Of(row))
                : Divergence(other, baseValues, maxima.Of(row), sums.Of(row)),
            (a, b) => a + b);
        if (_all is not null || _sample is not null)
        {
            yield return new TensorPass(0, (block, _) => Collect(block), _ => SetThreshold(_all?.Order().ToArray() ?? _sample!.Sorted()));
            yield break;
        }

        // A quantile is the smallest of those that are at least as large.
        var passes = new MagnitudePasses(
            _context, [.. Quantiles.Select(quantile => _context.ElementCount - Rank(quantile, _context.ElementCount))]);
        foreach (var pass in passes.Passes())
        {
            yield return new TensorPass(
                0,
                (block, _) =>
                {
                    var scores = LoadScores(block);
                    for (var i = 0; i < Quantiles.Length; i++)
                        pass.Analyze(i, block, scores);
                },
                _ => pass.End(),
                pass.Stride);
        }

        SetThreshold(passes.Selections[0].Threshold, passes.Selections[2].Threshold, passes.Selections[1].Threshold);
    }

    public override void Merge(MergeBlock block)
    {
        block.LoadOutput(_base);
        if (_other < 0)
            return;
        var output = block.Output;
        var other = block.Load(_other, 1);
        var scores = Scores(block, other, output);
        if (_isStepwise)
        {
            // The mask is fp32, and so is what is multiplied by it and added to.
            var delta = block.Buffer(3);
            Difference(other, output, delta);
            for (var i = 0; i < output.Length; i++)
                output[i] += delta[i] * (scores[i] >= _threshold ? 1 : 0);
            return;
        }

        for (var i = 0; i < output.Length; i++)
            output[i] = scores[i] >= _threshold ? other[i] : output[i];
    }

    private static long Rank(double quantile, long count) => (long)(quantile * (count - 1));

    private void SetThreshold(float[] sorted)
    {
        float[] quantiles = [.. Quantiles.Select(quantile => sorted[Rank(quantile, sorted.Length)])];
        SetThreshold(quantiles[0], quantiles[2], quantiles[1]);
    }

    private void SetThreshold(float lower, float upper, float median) =>
        _threshold = _context.Round(median + _context.Round(1.5f * _context.Round(upper - lower)));

    private TensorPass OverRows(VectorTable table, LookAtRow look, Func<double, double, double> fold) => new(
        0,
        (block, _) =>
        {
            var baseValues = block.Load(_base, 0);
            var other = block.Load(_other, 1);
            for (var i = 0; i < block.Count;)
            {
                var length = _rows.Run(block.Start + i, block.Count - i);
                var row = _rows.VectorOf(block.Start + i);
                look(table.Part(block.Index, row), row, other.Slice(i, length), baseValues.Slice(i, length));
                i += length;
            }
        },
        _ => table.Fold(fold));

    private void Collect(MergeBlock block)
    {
        var scores = LoadScores(block);
        if (_all is not null)
            scores.CopyTo(_all.AsSpan((int)block.Start));
        else
            _sample!.Take(block.Start, scores);
    }

    private Span<float> LoadScores(MergeBlock block)
    {
        var baseValues = block.Load(_base, 0);
        return Scores(block, block.Load(_other, 1), baseValues);
    }

    private static double Largest(ReadOnlySpan<float> values)
    {
        var largest = values[0];
        foreach (var value in values)
            largest = Math.Max(largest, value);
        return largest;
    }

    private static double Exponentials(ReadOnlySpan<float> values, double maximum)
    {
        var sum = 0.0;
        foreach (var value in values)
            sum += Math.Exp(value - maximum);
        return sum;
    }

    private static double Divergence(
        ReadOnlySpan<float> other, ReadOnlySpan<float> baseValues, ReadOnlySpan<double> maxima, ReadOnlySpan<double> sums)
    {
        var sum = 0.0;
        for (var i = 0; i < other.Length; i++)
        {
            var p = (Math.Exp(other[i] - maxima[0]) / sums[0]) + Smoothing;
            var q = (Math.Exp(baseValues[i] - maxima[1]) / sums[1]) + Smoothing;
            sum += p * Math.Log(p / q);
        }

        return sum;
    }

    private double StepwiseDivergence(
        ReadOnlySpan<float> other, ReadOnlySpan<float> baseValues, ReadOnlySpan<double> maxima, ReadOnlySpan<double> sums)
    {
        Span<float> p = stackalloc float[BlockLength];
        Span<float> terms = stackalloc float[BlockLength];
        p = p[..other.Length];
        terms = terms[..other.Length];
        Probabilities(other, maxima[0], sums[0], p);
        Probabilities(baseValues, maxima[1], sums[1], terms);
        for (var i = 0; i < p.Length; i++)
            terms[i] = p[i] / terms[i];
        _context.Round(terms);
        for (var i = 0; i < p.Length; i++)
            terms[i] = (float)Math.Log(terms[i]);
        _context.Round(terms);
        for (var i = 0; i < p.Length; i++)
            terms[i] *= p[i];
        _context.Round(terms);
        var sum = 0.0;
        foreach (var term in terms)
            sum += term;
        return sum;
    }

    // The softmax itself is computed in fp32 and rounded once.
    private void Probabilities(ReadOnlySpan<float> values, double maximum, double sum, Span<float> probabilities)
    {
        for (var i = 0; i < values.Length; i++)
            probabilities[i] = (float)Math.Exp((float)(values[i] - maximum)) / (float)sum;
        _context.Round(probabilities);
        foreach (ref var probability in probabilities)
            probability += (float)Smoothing;
        _context.Round(probabilities);
    }

    private void Difference(ReadOnlySpan<float> other, ReadOnlySpan<float> baseValues, Span<float> result)
    {
        for (var i = 0; i < result.Length; i++)
            result[i] = other[i] - baseValues[i];
        _context.Round(result);
    }

    private Span<float> StepwiseScores(MergeBlock block, ReadOnlySpan<float> other, ReadOnlySpan<float> baseValues)
    {
        var scores = block.Buffer(2);
        Difference(other, baseValues, scores);
        for (var i = 0; i < scores.Length;)
        {
            var length = _rows.Run(block.Start + i, scores.Length - i);
            var divergence = _context.Round(_divergences!.Of(_rows.VectorOf(block.Start + i))[0]);
            if (!float.IsFinite(divergence))
                divergence = 0;
            for (var end = i + length; i < end; i++)
                scores[i] = Math.Abs(scores[i]) * divergence;
        }

        _context.Round(scores);
        return scores;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Span<float> Scores(MergeBlock block, ReadOnlySpan<float> other, ReadOnlySpan<float> baseValues)
    {
        if (_isStepwise)
            return StepwiseScores(block, other, baseValues);
        var scores = block.Buffer(2);
        for (var i = 0; i < scores.Length;)
        {
            var length = _rows.Run(block.Start + i, scores.Length - i);
            var divergence = Math.Max(0, _divergences!.Of(_rows.VectorOf(block.Start + i))[0]);
            for (var end = i + length; i < end; i++)
                scores[i] = (float)Math.Min(Math.Abs((double)other[i] - baseValues[i]) * divergence, float.MaxValue);
        }

        return scores;
    }
}
