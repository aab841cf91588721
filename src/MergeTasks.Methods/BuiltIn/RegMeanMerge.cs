using MergeTasks.Methods.Contract;
using MergeTasks.Numerics;
using MergeTasks.Numerics.Algebra;
using MergeTasks.Numerics.Memory;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>The merge of <see cref="RegMeanMethod"/> for a linear layer's weight, or a stack of experts' weights, each by itself.</summary>
internal sealed class RegMeanMerge(TensorContext context) : MatrixMerge(context, context.ModelIndices(), isDelta: false)
{
    private const double Ridge = 1e-9;

    private readonly int _in = checked((int)context.Shape[context.IsStoredByInput ? ^2 : ^1]);
    private readonly int _out = checked((int)context.Shape[context.IsStoredByInput ? ^1 : ^2]);
    private readonly int _experts = context.Shape.Count == 3 ? checked((int)context.Shape[0]) : 1;
    private readonly float[][] _products = new float[context.Inputs.Count][];

    public override int? CopyOf => Context.Inputs.Count == 1 ? 0 : null;

    public override void Analyze(int pass, MergeBlock block, Span<double> partials)
    {
        base.Analyze(pass, block, partials);
        if (block.Index > 0)
            return;
        var length = (long)_experts * _in * _in;
        for (var model = 0; model < _products.Length; model++)
        {
            _products[model] = LargeArray.Of<float>(length);
            block.Load(Context.Inputs[model].Statistic!.Value, 0, _products[model], length);
        }
    }

    protected override void Solve(IMatrixArithmetic arithmetic, float[][] loaded, float[] merged)
    {
        var (weight, square) = (_in * _out, checked(_in * _in));
        for (var expert = 0; expert < _experts; expert++)
        {
            Solve(
                arithmetic,
                Array.ConvertAll(loaded, own => own.AsMemory(checked(expert * weight), weight)),
                Array.ConvertAll(_products, own => own.AsMemory(checked(expert * square), square)),
                merged.AsSpan(checked(expert * weight), weight));
        }
    }

    // Of an expert that no token reached, the products are zeros, and the result is the mean.
    private void Solve(IMatrixArithmetic arithmetic, Memory<float>[] loaded, Memory<float>[] products, Span<float> merged)
    {
        var diagonal = Enumerable.Range(0, loaded.Length)
            .Sum(model => Weight(model) * Enumerable.Range(0, _in).Sum(i => (double)products[model].Span[(i * _in) + i]));
        var ridge = Ridge * diagonal / Math.Max(1, _in);
        var (system, right) = AddUp(arithmetic, loaded, products, ridge == 0 ? 1 : ridge);
        using (system)
        using (right)
        {
            if (!arithmetic.TrySolve(system, right))
            {
                throw new NumericException(NumericProblem.Undefined,
                    "the products of the layer's inputs determine no weight: their sum is not positive definite. Give more samples, "
                        + "larger weights, or a smaller off_diagonal");
            }

            if (Context.IsStoredByInput)
            {
                arithmetic.Store(right, merged);
                return;
            }

            using var stored = arithmetic.Transpose(right);
            arithmetic.Store(stored, merged);
        }
    }

    private double Weight(int model) => Context.Inputs[model][SharedParameters.Weight];

    private (IMatrix System, IMatrix Right) AddUp(
        IMatrixArithmetic arithmetic, Memory<float>[] loaded, Memory<float>[] inputs, double ridge)
    {
        IMatrix? system = null, right = null;
        for (var model = 0; model < loaded.Length; model++)
        {
            Context.Cancellation.ThrowIfCancellationRequested();
            var products = arithmetic.Load(inputs[model].Span, _in, _in);
            arithmetic.Weigh(products, Weight(model), Context["off_diagonal"], ridge);
            using var weights = Context.IsStoredByInput
                ? arithmetic.Load(loaded[model].Span, _in, _out)
                : arithmetic.Load(loaded[model].Span, _out, _in);
            var own = arithmetic.Product(products, weights, transposeB: !Context.IsStoredByInput);
            (system, right) = (Sum(arithmetic, system, products), Sum(arithmetic, right, own));
        }

        return (system!, right!);
    }

    private static IMatrix Sum(IMatrixArithmetic arithmetic, IMatrix? sum, IMatrix term)
    {
        if (sum is null)
            return term;
        using (term)
            arithmetic.Add(sum, term);
        return sum;
    }
}
