using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics.Algebra;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>The merge of <see cref="TsvMethod"/> for matrices.</summary>
internal sealed class TsvMerge(TensorContext context) : MatrixMerge(context, context.ModelIndices(), isDelta: true)
{
    /// <summary>
    /// Shares of the largest singular value below this are left out. fp32 numbers do not determine their directions; and eigenvalues of
    /// products in fp64, which are their squares, are exact to some 1e-15 of the largest.
    /// </summary>
    private const double Smallest = 3e-7;

    public override int? CopyOf => Context.Inputs.Count == 1 ? 0 : null;

    protected override void Solve(IMatrixArithmetic arithmetic, float[][] loaded, float[] merged)
    {
        var (rows, columns) = (checked((int)Context.Shape[^2]), checked((int)Context.Shape[^1]));
        for (var start = 0L; start < merged.LongLength; start += (long)rows * columns)
            Solve(
                arithmetic,
                Array.ConvertAll(loaded, delta => delta.AsMemory((int)start, rows * columns)),
                rows,
                columns,
                merged.AsSpan((int)start, rows * columns));
    }

    private void Solve(IMatrixArithmetic arithmetic, Memory<float>[] deltas, int rows, int columns, Span<float> merged)
    {
        var most = Math.Max(1, Math.Min(rows, columns) / deltas.Length);
        var (left, right, values) = (new List<IMatrix>(), new List<IMatrix>(), new List<double>());
        if (Array.Exists(deltas, delta => !BlockMath.AreFinite(delta.Span)))
        {
            // Every element depends on every other. Where the models' numbers are finite, their difference was too large for fp32.
            merged.Fill(float.NaN);
            return;
        }

        foreach (var delta in deltas)
        {
            Context.Cancellation.ThrowIfCancellationRequested();
            var (u, v, own) = Decompose(arithmetic, delta.Span, rows, columns, most);
            left.Add(u);
            right.Add(v);
            values.AddRange(own);
        }

        // Without directions there is no change.
        if (values.Count == 0)
        {
            merged.Clear();
            return;
        }

        using var lefts = Orthogonalised(arithmetic, left);
        using var rights = Orthogonalised(arithmetic, right);
        arithmetic.ScaleColumns(rights, [.. values.Select(value => value * Context["lambda"])]);
        using var change = arithmetic.Product(lefts, rights, transposeB: true);
        arithmetic.Store(change, merged);
    }

    // The vectors of the smaller side are eigenvectors of the products of its rows or columns; the others follow from them.
    private static (IMatrix U, IMatrix V, double[] Values) Decompose(
        IMatrixArithmetic arithmetic, ReadOnlySpan<float> delta, int rows, int columns, int most)
    {
        var byRows = rows <= columns;
        using var matrix = arithmetic.Load(delta, rows, columns);
        using var products = arithmetic.Gram(matrix, byRows);
        var own = arithmetic.Eigenvectors(products, most, Smallest * Smallest).Vectors;
        var others = arithmetic.Product(matrix, own, transposeA: byRows);
        var values = arithmetic.ColumnLengths(others);
        arithmetic.ScaleColumns(others, Array.ConvertAll(values, value => value > 0 ? 1 / value : 0));
        return byRows ? (own, others, values) : (others, own, values);
    }

    // Of all sets of orthogonal directions the nearest. Takes the parts over.
    private IMatrix Orthogonalised(IMatrixArithmetic arithmetic, List<IMatrix> parts)
    {
        Context.Cancellation.ThrowIfCancellationRequested();
        using var vectors = arithmetic.Beside(parts);
        foreach (var part in parts)
            part.Dispose();
        return PolarFactor.Of(arithmetic, vectors, Smallest);
    }
}
