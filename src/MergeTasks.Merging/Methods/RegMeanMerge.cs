using System.Numerics.Tensors;

namespace MergeTasks.Merging.Methods;

/// <summary>The merge of <see cref="RegMeanMethod"/> for a linear layer's weight.</summary>
internal sealed class RegMeanMerge(TensorContext context) : MatrixMerge(context, context.ModelIndices(), isDelta: false)
{
    private const double Ridge = 1e-9;
    private const int Stripe = 64;

    private readonly int _in = checked((int)context.Shape[context.IsStoredByInput ? 0 : 1]);
    private readonly int _out = checked((int)context.Shape[context.IsStoredByInput ? 1 : 0]);
    private readonly float[][] _products = new float[context.Inputs.Count][];
    private readonly MatrixWork _work = new(context.Workers, context.Cancellation);

    public override int? CopyOf => Context.Inputs.Count == 1 ? 0 : null;

    public override void Analyze(int pass, MergeBlock block, Span<double> partials)
    {
        base.Analyze(pass, block, partials);
        if (block.Index > 0)
            return;
        var length = (long)_in * _in;
        for (var model = 0; model < _products.Length; model++)
        {
            _products[model] = LargeArray.Of<float>(length);
            block.Load(Context.Inputs[model].Statistic!.Value, 0, _products[model], length);
        }
    }

    protected override float[] Solve(float[][] loaded)
    {
        var ridge = Ridge * Enumerable.Range(0, _in).Sum(i => Enumerable.Range(0, _products.Length).Sum(model => Product(model, i, i))) / Math.Max(1, _in);
        if (ridge == 0)
            ridge = 1;
        var system = new double[_in][];
        var right = new double[_in][];
        _work.ForEach(_in, (long)_in * _out * loaded.Length, row => (system[row], right[row]) = (new double[_in], new double[_out]));
        for (var model = 0; model < loaded.Length; model++)
            AddModel(model, loaded[model], ridge, system, right);
        Decompose(system);
        _work.ForEach((_out + Stripe - 1) / Stripe, (long)_in * _in, stripe => Substitute(system, right, stripe * Stripe, Math.Min(Stripe, _out - (stripe * Stripe))));
        var merged = LargeArray.Of<float>(Context.ElementCount);
        for (var i = 0; i < _in; i++)
        {
            for (var o = 0; o < _out; o++)
                merged[Place(i, o)] = (float)right[i][o];
        }

        return merged;
    }

    private int Place(int input, int output) => Context.IsStoredByInput ? (input * _out) + output : (output * _in) + input;

    private double Product(int model, int row, int column) =>
        Context.Inputs[model]["weight"] * _products[model][((long)row * _in) + column] * (row == column ? 1 : Context["off_diagonal"]);

    private void AddModel(int model, float[] weights, double ridge, double[][] system, double[][] right)
    {
        var transposed = new double[_in][];
        _work.ForEach(_in, _out, i =>
        {
            var row = transposed[i] = new double[_out];
            for (var o = 0; o < _out; o++)
                row[o] = weights[Place(i, o)];
        });
        _work.ForEach(_in, (long)_in * _out, row =>
        {
            for (var column = 0; column < _in; column++)
            {
                var product = Product(model, row, column) + (row == column ? ridge : 0);
                system[row][column] += product;
                TensorPrimitives.MultiplyAdd(transposed[column], product, right[row], right[row]);
            }
        });
    }

    // Cholesky: the lower triangle of the system becomes L.
    private void Decompose(double[][] system)
    {
        for (var j = 0; j < _in; j++)
        {
            var pivot = system[j][j] - MatrixWork.Dot(system[j].AsSpan(0, j), system[j].AsSpan(0, j));
            if (!(pivot > 0))
            {
                throw new TensorMergeException(TensorMergeProblem.Undefined,
                    "the products of the layer's inputs determine no weight: their sum is not positive definite. Give more samples, larger weights, or a smaller off_diagonal");
            }

            var diagonal = system[j][j] = Math.Sqrt(pivot);
            var column = j;
            _work.ForEach(_in - j - 1, j + 1, step =>
            {
                var row = system[column + 1 + step];
                row[column] = (row[column] - MatrixWork.Dot(row.AsSpan(0, column), system[column].AsSpan(0, column))) / diagonal;
            });
        }
    }

    private void Substitute(double[][] lower, double[][] right, int first, int count)
    {
        for (var i = 0; i < _in; i++)
        {
            var row = right[i].AsSpan(first, count);
            for (var k = 0; k < i; k++)
                TensorPrimitives.MultiplyAdd(right[k].AsSpan(first, count), -lower[i][k], row, row);
            TensorPrimitives.Divide(row, lower[i][i], row);
        }

        for (var i = _in - 1; i >= 0; i--)
        {
            var row = right[i].AsSpan(first, count);
            for (var k = i + 1; k < _in; k++)
                TensorPrimitives.MultiplyAdd(right[k].AsSpan(first, count), -lower[k][i], row, row);
            TensorPrimitives.Divide(row, lower[i][i], row);
        }
    }
}
