using System.Runtime.CompilerServices;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Methods.Selecting;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>The merge of <see cref="SceMethod"/>: a pass that counts, those that select, one for the models' weights.</summary>
internal sealed class SceMerge : PassingMerge
{
    private const float SmallestCompatibleSum = 1e-6f;
    private const int VarianceSlot = 1;
    private const int FirstDelta = 2;

    private readonly TensorContext _context;
    private readonly int _base;
    private readonly int[] _models;
    private readonly float[] _shares;
    private readonly float[] _votes;
    private MagnitudePasses? _selection;

    public SceMerge(TensorContext context)
    {
        _context = context;
        _base = context.BaseIndex;
        _models = context.ModelIndices();
        _shares = new float[_models.Length];
        _votes = [.. _models.Select(_ => 1f)];
    }

    public override int? CopyOf => _models.Length == 0 ? _base : null;

    private bool IsCompatible => _context.CompatibleDType is not null;

    protected override IEnumerable<TensorPass> Passes()
    {
        if (CopyOf is not null)
            yield break;
        if (_context["select_topk"] < 1)
        {
            yield return new TensorPass(1, CountDiffering, SetSelection);
            foreach (var pass in _selection!.Passes())
                yield return new TensorPass(0, (block, _) => pass.Analyze(0, block, LoadVariances(block)), _ => pass.End(), pass.Stride);
        }

        yield return new TensorPass(_models.Length, SumSquares, Weigh);
    }

    private void CountDiffering(MergeBlock block, Span<double> numbers) =>
        numbers[0] = block.Count - LoadVariances(block).Count(0f);

    private void SetSelection(double[] numbers)
    {
        var (differing, share) = (Sum(numbers, 1, 0), _context["select_topk"]);
        var kept = IsCompatible ? (long)((float)differing * (float)share)
            : differing == 0 ? _context.ElementCount
            : (long)(differing * share);
        _selection = new MagnitudePasses(_context, [kept]);
    }

    private void SumSquares(MergeBlock block, Span<double> numbers)
    {
        LoadDeltas(block);
        Select(block);
        for (var i = 0; i < _models.Length; i++)
            numbers[i] = Squares(block.Buffer(FirstDelta + i));
    }

    public override void Merge(MergeBlock block)
    {
        var baseValues = LoadDeltas(block);
        Select(block);
        if (IsCompatible)
            MergeStepwise(block, baseValues);
        else
            BlockMath.ElectAndAdd(
                baseValues, block.BuffersFrom(FirstDelta), _votes, 0, _shares, _shares, normalize: true, lambda: 1, block.Output);
    }

    private void Weigh(double[] partials)
    {
        var means = Enumerable.Range(0, _models.Length)
            .Select(i => Sum(partials, _models.Length, i) / Math.Max(1, _context.ElementCount))
            .ToArray();
        if (IsCompatible)
            means = Array.ConvertAll(means, mean => (double)_context.Round(mean));
        var sum = IsCompatible ? _context.Round(means.Sum()) : means.Sum();
        var isUniform = IsCompatible ? Math.Abs(sum) < SmallestCompatibleSum : sum == 0;
        for (var i = 0; i < means.Length; i++)
            _shares[i] = _context.Round(isUniform ? 1.0 / means.Length : means[i] / sum);
    }

    private Span<float> LoadVariances(MergeBlock block)
    {
        LoadDeltas(block);
        return Variances(block);
    }

    private Span<float> LoadDeltas(MergeBlock block)
    {
        var baseValues = block.Load(_base, 0);
        for (var i = 0; i < _models.Length; i++)
        {
            var delta = block.Load(_models[i], FirstDelta + i);
            BlockMath.Subtract(delta, baseValues);
            _context.Round(delta);
        }

        return baseValues;
    }

    private void Select(MergeBlock block)
    {
        if (_selection is null)
            return;
        var variances = Variances(block);
        var selection = _selection.Selections[0];
        if (selection.KeepsAll)
            return;
        selection.Mask(block.Index, variances);
        for (var model = 0; model < _models.Length; model++)
        {
            var delta = block.Buffer(FirstDelta + model);
            for (var i = 0; i < delta.Length; i++)
                delta[i] = variances[i] == 0 ? 0 : delta[i];
        }
    }

    // By what positions are selected: the population variance over the models, in fp64 with one rounding; measured from the first model's
    // delta, so that equal ones give zero. It is rounded as the reference does in compatibility mode. Otherwise its root, which orders
    // alike, because squares of small deltas are too small for fp32; times √N, so that not even the smallest difference vanishes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Span<float> Variances(MergeBlock block)
    {
        Span<double> means = stackalloc double[BlockLength];
        Span<double> squares = stackalloc double[BlockLength];
        means.Clear();
        squares.Clear();
        var first = block.Buffer(FirstDelta);
        for (var model = 1; model < _models.Length; model++)
        {
            var delta = block.Buffer(FirstDelta + model);
            for (var i = 0; i < delta.Length; i++)
                means[i] += ((double)delta[i] - first[i]) / _models.Length;
        }

        for (var model = 0; model < _models.Length; model++)
        {
            var delta = block.Buffer(FirstDelta + model);
            for (var i = 0; i < delta.Length; i++)
            {
                var difference = (double)delta[i] - first[i] - means[i];
                squares[i] += difference * difference;
            }
        }

        var variances = block.Buffer(VarianceSlot);
        for (var i = 0; i < variances.Length; i++)
            variances[i] = (float)(IsCompatible ? squares[i] / _models.Length : Math.Sqrt(squares[i]));
        _context.Round(variances);
        return variances;
    }

    private double Squares(Span<float> delta)
    {
        if (!IsCompatible)
            return BlockSums.Product(delta, delta);
        foreach (ref var value in delta)
            value *= value;
        _context.Round(delta);
        return BlockSums.Magnitudes(delta);
    }

    private void MergeStepwise(MergeBlock block, ReadOnlySpan<float> baseValues)
    {
        for (var i = 0; i < block.Count; i++)
        {
            var total = 0f;
            for (var model = 0; model < _models.Length; model++)
                total += block.Buffer(FirstDelta + model)[i];
            total = _context.Round(total);
            var (sum, divisor) = (0f, 0f);
            for (var model = 0; model < _models.Length; model++)
            {
                var delta = block.Buffer(FirstDelta + model)[i];
                if (total >= 0 ? delta <= 0 : delta >= 0)
                    continue;
                sum += _context.Round(delta * _shares[model]);
                divisor += _shares[model];
            }

            block.Output[i] = _context.Round(
                baseValues[i] + _context.Round(_context.Round(sum) / Math.Max(_context.Round(divisor), SmallestCompatibleSum)));
        }
    }
}
