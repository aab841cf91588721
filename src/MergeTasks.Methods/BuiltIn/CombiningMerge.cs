using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics.Memory;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>The scalar products of corresponding vectors of all models with each other.</summary>
/// <param name="products">Of models i ≤ j, row by row of the triangle.</param>
/// <param name="models">Number of models.</param>
internal readonly ref struct Gram(ReadOnlySpan<double> products, int models)
{
    private readonly ReadOnlySpan<double> _products = products;

    /// <summary>Number of models.</summary>
    public int Models => models;

    /// <summary>vᵢ·vⱼ.</summary>
    public double this[int i, int j] => i <= j ? _products[(i * models) - (i * (i - 1) / 2) + j - i] : this[j, i];

    /// <summary>‖vᵢ‖.</summary>
    public double Norm(int i) => Math.Sqrt(this[i, i]);
}

/// <summary>Finds the factors of a combination.</summary>
/// <param name="gram">The vectors' scalar products.</param>
/// <param name="factors">One per model, to be filled.</param>
internal delegate void Combination(Gram gram, Span<double> factors);

/// <summary>
/// For methods whose result is a linear combination of the models' vectors, with factors that follow from the vectors' scalar products
/// alone: out = Σ fᵢvᵢ, or out = base + Σ fᵢvᵢ with vᵢ = xᵢ − base where a base takes part. One pass gathers the products; factors are
/// fp64.
/// </summary>
/// <remarks>In compatibility mode differences, products and sums round to the tensor's type; factors are rounded by the method.</remarks>
internal sealed class CombiningMerge : TensorMerge
{
    private readonly TensorContext _context;
    private readonly Combination _combine;
    private readonly VectorLayout _layout;
    private readonly int[] _models;
    private readonly int _base;
    private readonly VectorProducts _products;
    private readonly bool _alwaysCombines;
    private double[] _factors = [];

    /// <summary>Prepares.</summary>
    /// <param name="context">The tensor.</param>
    /// <param name="axis">What a vector is.</param>
    /// <param name="combine">Finds a vector's factors.</param>
    /// <param name="alwaysCombines">Whether one model alone is combined as well, and not copied.</param>
    public CombiningMerge(TensorContext context, VectorAxis axis, Combination combine, bool alwaysCombines = false)
    {
        (_context, _combine, _alwaysCombines) = (context, combine, alwaysCombines);
        _layout = VectorLayout.Of(context.Shape, axis);
        _models = context.ModelIndices();
        _base = context.HasBase ? context.BaseIndex : -1;
        _products = new VectorProducts(_layout, context.ElementCount,
            [.. Enumerable.Range(0, _models.Length).SelectMany(i => Enumerable.Range(i, _models.Length - i).Select(j => (i + 1, j + 1)))]);
    }

    /// <summary>With one model alone there is nothing to combine, and with none the base remains.</summary>
    public override int? CopyOf => _models.Length switch { 0 => _base, 1 when !_alwaysCombines => _models[0], _ => null };

    public override int BeginPass(int pass) => pass == 0 && CopyOf is null ? 0 : -1;

    public override void Analyze(int pass, MergeBlock block, Span<double> partials)
    {
        var baseValues = _base < 0 ? [] : block.Load(_base, 0);
        for (var i = 0; i < _models.Length; i++)
            Vectors(i, block, baseValues, i + 1);
        _products.Add(block);
    }

    public override void EndPass(int pass, double[] partials)
    {
        _products.Complete();
        _factors = LargeArray.Of<double>(_layout.Count * _models.Length);
        var factors = new double[_models.Length];
        for (var vector = 0L; vector < _layout.Count; vector++)
        {
            _combine(new Gram(_products.Of(vector), _models.Length), factors);
            for (var i = 0; i < factors.Length; i++)
                _factors[(vector * factors.Length) + i] = factors[i];
        }
    }

    public override void Merge(MergeBlock block)
    {
        if (CopyOf is { } only)
        {
            block.LoadOutput(only);
            return;
        }

        var baseValues = _base < 0 ? [] : block.Load(_base, 0);
        var isStepwise = _context.CompatibleDType is not null;
        if (baseValues.IsEmpty || isStepwise)
            block.Output.Clear();
        else
            baseValues.CopyTo(block.Output);
        for (var i = 0; i < _models.Length; i++)
            Add(i, block, Vectors(i, block, baseValues, 1), isStepwise);
        if (!isStepwise)
            return;
        _context.Round(block.Output);
        if (baseValues.IsEmpty)
            return;
        BlockMath.Add(block.Output, baseValues);
        _context.Round(block.Output);
    }

    internal override bool TryMergeWide(MergeBlock block)
    {
        if (_context.CompatibleDType is not null || CopyOf is not null)
            return false;
        Span<double> sums = stackalloc double[BlockLength];
        sums.Clear();
        var baseValues = _base < 0 ? [] : block.Load(_base, 0);
        for (var i = 0; i < baseValues.Length; i++)
            sums[i] = baseValues[i];
        for (var model = 0; model < _models.Length; model++)
        {
            var own = block.Load(_models[model], 1);
            for (var i = 0; i < own.Length; i++)
                sums[i] += _factors[(_layout.VectorOf(block.Start + i) * _models.Length) + model] * ((double)own[i] - (baseValues.IsEmpty
                    ? 0
                    : baseValues[i]));
        }

        for (var i = 0; i < block.Count; i++)
            block.Output[i] = (float)sums[i];
        return true;
    }

    private Span<float> Vectors(int model, MergeBlock block, ReadOnlySpan<float> baseValues, int slot)
    {
        var values = block.Load(_models[model], slot);
        if (baseValues.IsEmpty)
            return values;
        BlockMath.Subtract(values, baseValues);
        _context.Round(values);
        return values;
    }

    private void Add(int model, MergeBlock block, Span<float> values, bool isStepwise)
    {
        for (var i = 0; i < values.Length;)
        {
            var length = _layout.Run(block.Start + i, values.Length - i);
            var own = values.Slice(i, length);
            var output = block.Output.Slice(i, length);
            var first = (_layout.VectorOf(block.Start + i) * _models.Length) + model;
            if (!isStepwise && _layout.IsContiguous)
            {
                BlockMath.AddProduct(output, own, (float)_factors[first]);
            }
            else if (!isStepwise)
            {
                for (var j = 0; j < length; j++)
                    output[j] = MathF.FusedMultiplyAdd(own[j], (float)_factors[first + ((long)j * _models.Length)], output[j]);
            }
            else
            {
                for (var j = 0; j < length; j++)
                    own[j] *= (float)_factors[first + (_layout.IsContiguous ? 0 : (long)j * _models.Length)];
                _context.Round(own);
                BlockMath.Add(output, own);
            }

            i += length;
        }
    }
}
