using System.Numerics.Tensors;

namespace MergeTasks.Merging.Methods;

/// <summary>The merge of <see cref="TsvMethod"/> for matrices.</summary>
internal sealed class TsvMerge(TensorContext context) : MatrixMerge(context, context.ModelIndices(), isDelta: true)
{
    private const double SmallestValue = 1e-12;
    private const double SmallestDirection = 1e-7;

    private readonly MatrixWork _work = new(context.Workers, context.Cancellation);
    private readonly SingularVectors _singular = new(new MatrixWork(context.Workers, context.Cancellation));

    public override int? CopyOf => Context.Inputs.Count == 1 ? 0 : null;

    protected override float[] Solve(float[][] loaded)
    {
        var (rows, columns) = (checked((int)Context.Shape[^2]), checked((int)Context.Shape[^1]));
        var merged = LargeArray.Of<float>(Context.ElementCount);
        for (var start = 0; start < merged.Length; start += rows * columns)
            Solve(Array.ConvertAll(loaded, delta => delta.AsMemory(start, rows * columns)), rows, columns, merged.AsSpan(start, rows * columns));
        return merged;
    }

    private void Solve(Memory<float>[] deltas, int rows, int columns, Span<float> merged)
    {
        var kept = Math.Max(1, Math.Min(rows, columns) / deltas.Length);
        var (left, right, values) = (new List<double[]>(), new List<double[]>(), new List<double>());
        foreach (var delta in deltas)
            Decompose(delta, rows, columns, kept, left, right, values);
        if (values.Count == 0)
            return;
        var (u, v) = (Orthogonalised([.. left]), Orthogonalised([.. right]));
        var result = new float[merged.Length];
        _work.ForEach(rows, (long)columns * values.Count, row =>
        {
            var sum = new double[columns];
            for (var i = 0; i < u.Length; i++)
            {
                var factor = u[i][row] * values[i] * Context["lambda"];
                TensorPrimitives.MultiplyAdd(v[i], factor, sum, sum);
            }

            for (var column = 0; column < columns; column++)
                result[(row * columns) + column] = (float)sum[column];
        });
        result.CopyTo(merged);
    }

    // Works on whichever of rows and columns are fewer.
    private void Decompose(Memory<float> delta, int rows, int columns, int kept, List<double[]> left, List<double[]> right, List<double> values)
    {
        var byRows = rows <= columns;
        var vectors = new double[byRows ? rows : columns][];
        for (var i = 0; i < vectors.Length; i++)
        {
            var vector = vectors[i] = new double[byRows ? columns : rows];
            for (var j = 0; j < vector.Length; j++)
                vector[j] = delta.Span[byRows ? (i * columns) + j : (j * columns) + i];
        }

        var others = _singular.Decompose(vectors);
        var largest = Math.Sqrt(MatrixWork.Dot(vectors[0], vectors[0]));
        for (var i = 0; i < kept; i++)
        {
            var value = Math.Sqrt(MatrixWork.Dot(vectors[i], vectors[i]));
            if (value == 0 || value < SmallestValue * largest)
                break;
            var own = Array.ConvertAll(vectors[i], element => element / value);
            left.Add(byRows ? others[i] : own);
            right.Add(byRows ? own : others[i]);
            values.Add(value);
        }
    }

    // The polar factor: of all sets of orthogonal directions the nearest.
    private double[][] Orthogonalised(double[][] vectors)
    {
        var others = _singular.Decompose(vectors);
        var largest = Math.Sqrt(MatrixWork.Dot(vectors[0], vectors[0]));
        var nearest = Array.ConvertAll(vectors, vector => new double[vector.Length]);
        foreach (var (vector, other) in vectors.Zip(others))
        {
            var value = Math.Sqrt(MatrixWork.Dot(vector, vector));
            if (value < SmallestDirection * largest)
                break;
            for (var i = 0; i < nearest.Length; i++)
                TensorPrimitives.MultiplyAdd(vector, other[i] / value, nearest[i], nearest[i]);
        }

        return nearest;
    }
}
