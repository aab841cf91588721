using System.Runtime.CompilerServices;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Methods.Selecting;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// The merge of <see cref="ArceeFusionMethod"/>: passes for each row's maxima, sums and divergence, then for the quantiles of the scores.
/// </summary>
internal sealed class FusionMerge : TensorMerge
{
    private const double Smoothing = 1e-8;
    private static readonly double[] Quantiles = [0.25, 0.5, 0.75];

    private readonly TensorContext _context;
    private readonly int _base;
    private readonly int _other;
    private readonly VectorLayout _rows;
    private readonly float[]? _small;
    private readonly ScoreSample? _sample;
    private VectorTable? _maxima;
    private VectorTable? _sums;
    private VectorTable? _divergences;
    private MagnitudePasses? _passes;
    private float _threshold;

    public FusionMerge(TensorContext context)
    {
        _context = context;
        _base = context.BaseIndex;
        _other = context.ModelIndices() is [var other] ? other : -1;
        _rows = VectorLayout.Of(context.Shape, VectorAxis.Last);
        _small = context.ElementCount <= BlockLength ? new float[context.ElementCount] : null;
        _sample = ScoreSample.Of(context);
    }

    public override int? CopyOf => _other < 0 ? _base : null;

    public override int Stride => _passes?.Stride ?? 1;

    public override int BeginPass(int pass)
    {
        if (CopyOf is not null || _context.ElementCount == 0)
            return -1;
        switch (pass)
        {
            case 0:
                _maxima = new VectorTable(_rows, _context.ElementCount, 2);
                return 0;
            case 1:
                _sums = new VectorTable(_rows, _context.ElementCount, 2);
                return 0;
            case 2:
                _divergences = new VectorTable(_rows, _context.ElementCount, 1);
                return 0;
            case 3 when _small is not null || _sample is not null:
                return 0;
            case 3:
                // A quantile is the smallest of those that are at least as large.
                _passes = new MagnitudePasses(
                    _context, [.. Quantiles.Select(quantile => _context.ElementCount - Rank(quantile, _context.ElementCount))]);
                break;
        }

        if (_passes?.Begin() == true)
            return 0;
        if (_passes is not null)
            SetThreshold([.. _passes.Selections.Select(selection => selection.Threshold)]);
        _passes = null;
        return -1;
    }

    public override void Analyze(int pass, MergeBlock block, Span<double> partials)
    {
        var (basis, other) = (0, 1);
        block.Load(_base, basis);
        block.Load(_other, other);
        if (pass < 3)
        {
            AnalyzeRows(pass, block, block.Buffer(other), block.Buffer(basis));
            return;
        }

        var scores = Scores(block, block.Buffer(other), block.Buffer(basis));
        if (_small is not null)
            scores.CopyTo(_small);
        else if (_sample is not null)
            _sample.Take(block.Start, scores);
        for (var i = 0; i < _passes?.Selections.Count; i++)
            _passes.Analyze(i, block, scores);
    }

    public override void EndPass(int pass, double[] partials)
    {
        switch (pass)
        {
            case 0:
                _maxima!.Fold(Math.Max);
                break;
            case 1:
                _sums!.Fold((a, b) => a + b);
                break;
            case 2:
                _divergences!.Fold((a, b) => a + b);
                (_maxima, _sums) = (null, null);
                break;
            case 3 when _small is not null || _sample is not null:
                var sorted = _small?.Order().ToArray() ?? _sample!.Sorted();
                SetThreshold([.. Quantiles.Select(quantile => sorted[Rank(quantile, sorted.Length)])]);
                break;
            default:
                _passes!.End();
                break;
        }
    }

    public override void Merge(MergeBlock block)
    {
        block.LoadOutput(_base);
        if (_other < 0)
            return;
        var output = block.Output;
        var other = block.Load(_other, 1);
        var scores = Scores(block, other, output);
        for (var i = 0; i < output.Length; i++)
            output[i] = scores[i] >= _threshold ? other[i] : output[i];
    }

    private static long Rank(double quantile, long count) => (long)(quantile * (count - 1));

    private void SetThreshold(float[] quantiles) => _threshold = quantiles[1] + (1.5f * (quantiles[2] - quantiles[0]));

    private void AnalyzeRows(int pass, MergeBlock block, ReadOnlySpan<float> other, ReadOnlySpan<float> basis)
    {
        for (var i = 0; i < block.Count;)
        {
            var length = _rows.Run(block.Start + i, block.Count - i);
            var row = _rows.VectorOf(block.Start + i);
            var x = other.Slice(i, length);
            var b = basis.Slice(i, length);
            switch (pass)
            {
                case 0:
                    (_maxima!.Part(block.Index, row)[0], _maxima.Part(block.Index, row)[1]) = (Largest(x), Largest(b));
                    break;
                case 1:
                    (_sums!.Part(block.Index, row)[0], _sums.Part(block.Index, row)[1]) =
                        (Exponentials(x, _maxima!.Of(row)[0]), Exponentials(b, _maxima.Of(row)[1]));
                    break;
                default:
                    _divergences!.Part(block.Index, row)[0] = Divergence(x, b, _maxima!.Of(row), _sums!.Of(row));
                    break;
            }

            i += length;
        }
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
        ReadOnlySpan<float> other, ReadOnlySpan<float> basis, ReadOnlySpan<double> maxima, ReadOnlySpan<double> sums)
    {
        var sum = 0.0;
        for (var i = 0; i < other.Length; i++)
        {
            var p = (Math.Exp(other[i] - maxima[0]) / sums[0]) + Smoothing;
            var q = (Math.Exp(basis[i] - maxima[1]) / sums[1]) + Smoothing;
            sum += p * Math.Log(p / q);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Span<float> Scores(MergeBlock block, ReadOnlySpan<float> other, ReadOnlySpan<float> basis)
    {
        var scores = block.Buffer(2);
        for (var i = 0; i < scores.Length;)
        {
            var length = _rows.Run(block.Start + i, scores.Length - i);
            var divergence = Math.Max(0, _divergences!.Of(_rows.VectorOf(block.Start + i))[0]);
            for (var end = i + length; i < end; i++)
                scores[i] = (float)Math.Min(Math.Abs((double)other[i] - basis[i]) * divergence, float.MaxValue);
        }

        return scores;
    }
}
