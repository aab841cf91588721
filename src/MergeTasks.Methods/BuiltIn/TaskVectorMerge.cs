using System.Numerics.Tensors;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Methods.Selecting;
using MergeTasks.Methods.Sparsifying;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// The pipeline of the methods on task vectors, for models x₁…x_N and a base: δᵢ = xᵢ − base; drop elements of δᵢ; optionally restore
/// its L1 norm; Dᵢ = wᵢδᵢ; M = Σ Dᵢ, or with sign election the Dᵢ whose sign is that of Σ Dᵢ (zero counts as positive);
/// optionally M ÷ Σ wᵢ (of those that agree); out = base + λ·M. With <c>paper_election</c> the sign is that of Σ δᵢ, and where that is zero
/// the one that more of the tensor's sums have.
/// </summary>
internal sealed class TaskVectorMerge : PassingMerge
{
    private const float SmallestDivisor = 1e-8f;
    private const double SmallestSum = 1e-7;

    // Elements elected at a time, so that the running sums stay in the first-level cache.
    private const int ElectionPiece = 1024;

    private readonly TensorContext _context;
    private readonly ISparsifier _sparsifier;
    private readonly bool _electSigns;
    private readonly bool _normalize;
    private readonly bool _rescale;
    private readonly float _lambda;
    private readonly int _base;
    private readonly int[] _models;
    private readonly float[] _weights;
    private readonly float[] _scales;
    private readonly double[] _exactScales;
    private readonly float _weightSum;
    private readonly bool _isPaperElection;
    private float _tieVote;

    public TaskVectorMerge(TensorContext context, ISparsifier sparsifier, bool electSigns)
    {
        _context = context;
        _sparsifier = sparsifier;
        _electSigns = electSigns;
        _normalize = context.Flag("normalize");
        _lambda = (float)context["lambda"];
        _base = context.BaseIndex;
        _models = context.ModelIndices();
        _weights = [.. _models.Select(i => context.Round(context.Inputs[i]["weight"]))];
        _weightSum = context.Round(_weights.Sum(weight => (double)weight)) is var sum && Math.Abs(sum) < SmallestDivisor ? 1 : sum;
        _scales = [.. _models.Select(_ => 1f)];
        _exactScales = [.. _models.Select(_ => 1.0)];
        _isPaperElection = electSigns && context.Flag("paper_election");
        _rescale = context.Flag("rescale")
            && context.Parameters.GetValueOrDefault("rescale_by_probability") == 0
            && sparsifier is not NoSparsifier
            && _models.Any(i => context.Inputs[i]["density"] < 1);
    }

    public override bool IsSequential => _sparsifier.IsSequential;

    // After the sparsifier's own passes comes one for the norms, if they are to be restored, and one for the majority of signs.
    protected override IEnumerable<TensorPass> Passes()
    {
        foreach (var pass in _sparsifier.Passes())
            yield return new TensorPass(0, (block, _) => ShowDeltas(block, pass), _ => pass.End(), pass.Stride);
        _sparsifier.BeginMasking(isLast: !_rescale && !_isPaperElection);
        if (_rescale)
        {
            yield return new TensorPass(2 * _models.Length, MeasureNorms, SetScales);
            _sparsifier.BeginMasking(isLast: !_isPaperElection);
        }

        if (_isPaperElection)
        {
            yield return new TensorPass(1, CountVotes, votes => _tieVote = Sum(votes, 1, 0) < 0 ? -1 : 1);
            _sparsifier.BeginMasking(isLast: true);
        }
    }

    private void ShowDeltas(MergeBlock block, SelectionPass pass)
    {
        var baseValues = block.Load(_base, 0);
        for (var i = 0; i < _models.Length; i++)
            pass.Analyze(i, block, Delta(i, block, baseValues, 1));
    }

    // Of each model the norm before and after masking.
    private void MeasureNorms(MergeBlock block, Span<double> numbers)
    {
        var baseValues = block.Load(_base, 0);
        for (var i = 0; i < _models.Length; i++)
        {
            var delta = Delta(i, block, baseValues, 1);
            numbers[2 * i] = BlockSums.Magnitudes(delta);
            _sparsifier.Mask(i, block, delta);
            numbers[(2 * i) + 1] = BlockSums.Magnitudes(delta);
        }
    }

    private void SetScales(double[] norms)
    {
        for (var i = 0; i < _models.Length; i++)
        {
            // A density of 1 means untouched: without a mask both sums are equal.
            var (before, after) = (Sum(norms, 2 * _models.Length, 2 * i), Sum(norms, 2 * _models.Length, (2 * i) + 1));
            _exactScales[i] = before < SmallestSum || after < SmallestSum ? 1 : before / after;
            var (stored, left) = (RoundMask(before), RoundMask(after));
            _scales[i] = stored < SmallestSum || left < SmallestSum ? 1 : RoundMask((double)stored / left);
        }
    }

    public override void Merge(MergeBlock block)
    {
        if (_context.CompatibleDType is null)
            MergeExactly(block);
        else
            MergeStepwise(block);
    }

    internal override bool TryMergeWide(MergeBlock block)
    {
        if (_context.CompatibleDType is not null)
            return false;
        Span<double> totals = stackalloc double[BlockLength];
        Span<double> sums = stackalloc double[BlockLength];
        Span<double> divisors = stackalloc double[BlockLength];
        Span<double> delta = stackalloc double[BlockLength];
        delta = delta[..block.Count];
        totals.Clear();
        sums.Clear();
        divisors.Clear();
        var baseValues = block.Load(_base, 0);
        for (var model = 0; _electSigns && model < _models.Length; model++)
        {
            Wide(model, block, baseValues, delta);
            for (var i = 0; i < delta.Length; i++)
                totals[i] += delta[i] * (_isPaperElection ? 1 : _weights[model]);
        }

        for (var model = 0; model < _models.Length; model++)
        {
            Wide(model, block, baseValues, delta);
            for (var i = 0; i < delta.Length; i++)
            {
                var vote = delta[i] * (_isPaperElection ? 1 : _weights[model]);
                if (_electSigns && !(totals[i] > 0 || (totals[i] == 0 && _tieVote >= 0) ? vote > 0 : vote < 0))
                    continue;
                sums[i] += delta[i] * _weights[model];
                divisors[i] += _weights[model];
            }
        }

        for (var i = 0; i < block.Count; i++)
        {
            var divisor = !_normalize ? 1 : !_electSigns ? _weightSum : divisors[i] == 0 ? 1 : divisors[i];
            block.Output[i] = (float)(baseValues[i] + (_lambda * sums[i] / divisor));
        }

        return true;
    }

    // Nothing is rounded on the way, so steps can be taken together.
    private void MergeExactly(MergeBlock block)
    {
        var baseValues = block.Load(_base, 0);
        Span<float> factors = stackalloc float[_models.Length];
        for (var i = 0; i < _models.Length; i++)
        {
            factors[i] = _scales[i] * _weights[i];
            Masked(i, block, Delta(i, block, baseValues, i + 2));
        }

        if (_electSigns)
        {
            BlockMath.ElectAndAdd(
                baseValues,
                block.BuffersFrom(2),
                _isPaperElection ? _scales : factors,
                _tieVote,
                factors,
                _weights,
                _normalize,
                _lambda,
                block.Output);
            return;
        }

        baseValues.CopyTo(block.Output);
        for (var i = 0; i < _models.Length; i++)
            BlockMath.AddProduct(block.Output, block.Buffer(i + 2), factors[i] * (_normalize ? _lambda / _weightSum : _lambda));
    }

    private void MergeStepwise(MergeBlock block)
    {
        var baseValues = block.Load(_base, 0);
        var merged = block.Output;
        merged.Clear();
        for (var i = 0; i < _models.Length; i++)
        {
            var delta = Delta(i, block, baseValues, _electSigns ? i + 2 : 1);
            _sparsifier.Mask(i, block, delta);
            Scale(delta, _scales[i]);
            Multiply(delta, _weights[i]);
            BlockMath.Add(merged, delta);
        }

        _context.Round(merged);
        var divisors = block.Buffer(1);
        if (_electSigns)
            Elect(block, merged, divisors);
        if (_normalize)
            Normalize(merged, divisors);
        Scale(merged, _lambda);
        BlockMath.Add(merged, baseValues);
        _context.Round(merged);
    }

    // Where fp16 tensors are masked in fp32, neither sums nor their quotient overflow.
    private float RoundMask(double value) =>
        _sparsifier.MasksHalfInSingle && _context.CompatibleDType == DType.F16 ? (float)value : _context.Round(value);

    // How many more of the sums are positive than negative.
    private void CountVotes(MergeBlock block, Span<double> numbers)
    {
        var baseValues = block.Load(_base, 0);
        var sums = block.Buffer(1);
        sums.Clear();
        for (var i = 0; i < _models.Length; i++)
        {
            var delta = Delta(i, block, baseValues, i + 2);
            Masked(i, block, delta);
            BlockMath.AddProduct(sums, delta, _scales[i]);
        }

        var votes = 0;
        foreach (var sum in sums)
            votes += sum > 0 ? 1 : sum < 0 ? -1 : 0;
        numbers[0] = votes;
    }

    private void Masked(int model, MergeBlock block, Span<float> delta)
    {
        _sparsifier.Mask(model, block, delta);
        _sparsifier.Divide(model, block, delta);
    }

    // A model's delta as it counts, in fp64. What is kept follows from its fp32 numbers, of which those that overflow are the largest.
    private void Wide(int model, MergeBlock block, ReadOnlySpan<float> baseValues, Span<double> wide)
    {
        var kept = Delta(model, block, baseValues, model + 2);
        _sparsifier.Mask(model, block, kept);
        var own = block.Load(_models[model], 1);
        for (var i = 0; i < wide.Length; i++)
            wide[i] = kept[i] == 0 ? 0 : ((double)own[i] - baseValues[i]) * _exactScales[model];
        _sparsifier.Divide(model, block, wide);
    }

    private Span<float> Delta(int model, MergeBlock block, ReadOnlySpan<float> baseValues, int slot)
    {
        var delta = block.Load(_models[model], slot);
        BlockMath.Subtract(delta, baseValues);
        _context.Round(delta);
        return delta;
    }

    private void Scale(Span<float> values, float factor)
    {
        if (factor != 1)
            Multiply(values, factor);
    }

    private void Multiply(Span<float> values, float factor)
    {
        BlockMath.Multiply(values, factor);
        _context.Round(values);
    }

    private void Normalize(Span<float> merged, Span<float> divisors)
    {
        if (_electSigns)
            BlockMath.Divide(merged, divisors);
        else
            TensorPrimitives.Divide(merged, _weightSum, merged);
        _context.Round(merged);
    }

    // On entry merged holds Σ Dᵢ, on return the sum of those that agree with its sign; divisors gets the sum of their weights.
    private void Elect(MergeBlock block, Span<float> merged, Span<float> divisors)
    {
        Span<float> sums = stackalloc float[ElectionPiece];
        divisors.Clear();
        for (var start = 0; start < merged.Length; start += ElectionPiece)
        {
            var range = start..Math.Min(merged.Length, start + ElectionPiece);
            var total = merged[range];
            var sum = sums[..total.Length];
            sum.Clear();
            for (var model = 0; model < _models.Length; model++)
                BlockMath.AddAgreeing(total, block.Buffer(model + 2)[range], _weights[model], sum, divisors[range]);
            sum.CopyTo(total);
        }

        _context.Round(merged);
        _context.Round(divisors);
    }
}
