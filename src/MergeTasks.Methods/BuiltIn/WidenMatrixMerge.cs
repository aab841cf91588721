using System.Runtime.CompilerServices;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics.Memory;

namespace MergeTasks.Methods.BuiltIn;

/// <summary><see cref="WidenMethod"/> on a matrix or a stack of them: one pass for the lengths and directions of the columns.</summary>
internal sealed class WidenMatrixMerge : TensorMerge
{
    private readonly TensorContext _context;
    private readonly int _base;
    private readonly int[] _models;
    private readonly VectorLayout _layout;
    private readonly int _columns;
    private readonly VectorProducts _products;
    private float[] _factors = [];

    /// <summary>Prepares.</summary>
    /// <param name="context">The tensor.</param>
    /// <param name="isTransposed">Whether rows count as columns.</param>
    public WidenMatrixMerge(TensorContext context, bool isTransposed)
    {
        _context = context;
        _base = context.BaseIndex;
        _models = context.ModelIndices();
        _layout = VectorLayout.Of(context.Shape, isTransposed ? VectorAxis.Last : VectorAxis.Columns);
        _columns = checked((int)(isTransposed ? _layout.Count : context.Shape[^1]));
        _products = new VectorProducts(
            _layout, context.ElementCount, [(0, 0), .. Enumerable.Range(1, _models.Length).SelectMany(i => new[] { (i, i), (i, 0) })]);
    }

    public override int? CopyOf => _models.Length == 0 ? _base : null;

    public override int BeginPass(int pass) => pass == 0 && CopyOf is null ? 0 : -1;

    public override void Analyze(int pass, MergeBlock block, Span<double> partials)
    {
        block.Load(_base, 0);
        for (var model = 0; model < _models.Length; model++)
            block.Load(_models[model], model + 1);
        _products.Add(block);
    }

    public override void EndPass(int pass, double[] partials)
    {
        _products.Complete();
        _factors = LargeArray.Of<float>(_layout.Count * _models.Length);
        var lengths = new double[_models.Length][];
        var directions = new double[_models.Length][];
        for (var first = 0L; first < _layout.Count; first += _columns)
        {
            for (var model = 0; model < _models.Length; model++)
            {
                lengths[model] = Ranks(first, model, Lengthened);
                directions[model] = Ranks(first, model, Turned);
            }

            AddScores(first, lengths);
            AddScores(first, directions);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Merge(MergeBlock block)
    {
        block.LoadOutput(_base);
        if (CopyOf is not null)
            return;
        var baseValues = block.Load(_base, 0);
        for (var model = 0; model < _models.Length; model++)
        {
            var delta = block.Load(_models[model], 1);
            BlockMath.Subtract(delta, baseValues);
            for (var i = 0; i < delta.Length;)
            {
                var length = _layout.Run(block.Start + i, delta.Length - i);
                var first = (_layout.VectorOf(block.Start + i) * _models.Length) + model;
                var step = _layout.IsContiguous ? 0 : _models.Length;
                var output = block.Output.Slice(i, length);
                for (var j = 0; j < length; j++)
                    output[j] = MathF.FusedMultiplyAdd(delta[i + j], _factors[first + ((long)j * step)], output[j]);
                i += length;
            }
        }
    }

    private static double Lengthened(double baseSquare, double model, double product) => Math.Abs(Math.Sqrt(model) - Math.Sqrt(baseSquare));

    // A column of zeros has no direction. The root of a product of equal numbers is exactly that number, so an unchanged column gives zero.
    private static double Turned(double baseSquare, double model, double product) =>
        baseSquare == 0 || model == 0 ? double.PositiveInfinity : Math.Max(0, 1 - (product / Math.Sqrt(baseSquare * model)));

    private double[] Ranks(long first, int model, Func<double, double, double, double> change)
    {
        var changes = new double[_columns];
        for (var column = 0; column < _columns; column++)
        {
            var products = _products.Of(first + column);
            changes[column] = change(products[0], products[(2 * model) + 1], products[(2 * model) + 2]);
        }

        var ranks = new double[_columns];
        foreach (var (place, column) in Enumerable.Range(0, _columns).OrderBy(column => changes[column]).Index())
            ranks[column] = place / (double)_columns;
        return ranks;
    }

    // Half of each score, of lengths and of directions.
    private void AddScores(long first, double[][] ranks)
    {
        var limit = _context["above_average_value_ratio"] * (_columns - 1) / 2;
        for (var column = 0; column < _columns; column++)
        {
            var sum = 0.0;
            foreach (var own in ranks)
                sum += Math.Exp(own[column]);
            for (var model = 0; model < ranks.Length; model++)
            {
                var rank = ranks[model][column];
                var score = Math.Round(rank * _columns) > limit ? _context["score_calibration_value"] : Math.Exp(rank) / sum;
                _factors[((first + column) * ranks.Length) + model] += (float)(score / 2);
            }
        }
    }
}
