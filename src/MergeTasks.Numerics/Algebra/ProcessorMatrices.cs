using System.Numerics.Tensors;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Algebra;

/// <summary><see cref="IMatrixArithmetic"/> on the processor.</summary>
/// <param name="threads">Threads to use.</param>
/// <param name="cancellation">Ends the work between steps.</param>
internal sealed class ProcessorMatrices(int threads, CancellationToken cancellation) : IMatrixArithmetic
{
    private readonly MatrixWork _work = new(threads, cancellation);

    /// <inheritdoc/>
    public IMatrix Load(ReadOnlySpan<float> values, int rows, int columns)
    {
        var matrix = new DenseMatrix(rows, columns);
        TensorPrimitives.ConvertChecked(values, matrix.Values.AsSpan());
        return matrix;
    }

    /// <inheritdoc/>
    public void Store(IMatrix matrix, Span<float> values)
    {
        var own = Of(matrix).Values;
        for (var i = 0; i < own.Length; i++)
            values[i] = (float)own[i];
    }

    /// <inheritdoc/>
    public IMatrix Product(IMatrix a, IMatrix b, bool transposeA = false, bool transposeB = false)
    {
        var (first, second) = (Of(a).Whole, Of(b).Whole);
        (first, second) = (transposeA ? first.Transposed : first, transposeB ? second.Transposed : second);
        var product = new DenseMatrix(first.Rows, second.Columns);
        new DenseProduct(_work).Multiply(first, second, product.Whole);
        return product;
    }

    /// <inheritdoc/>
    public IMatrix Gram(IMatrix a, bool ofRows)
    {
        var own = ofRows ? Of(a).Whole : Of(a).Whole.Transposed;
        var product = new DenseMatrix(own.Rows, own.Rows);
        new DenseProduct(_work).Multiply(own, own.Transposed, product.Whole, isSymmetric: true);
        return product;
    }

    /// <inheritdoc/>
    public IMatrix Transpose(IMatrix a)
    {
        var (own, transposed) = (Of(a), new DenseMatrix(a.Columns, a.Rows));
        _work.ForEach(own.Columns, own.Rows, column =>
        {
            var target = transposed.Row(column);
            for (var row = 0; row < target.Length; row++)
                target[row] = own.Values[(row * own.Columns) + column];
        });
        return transposed;
    }

    /// <inheritdoc/>
    public void Add(IMatrix sum, IMatrix term)
    {
        var (target, added) = (Of(sum), Of(term));
        _work.ForEach(target.Rows, target.Columns, row => DenseVectors.AddProduct(target.Row(row), added.Row(row), 1));
    }

    /// <inheritdoc/>
    public void ScaleColumns(IMatrix matrix, ReadOnlySpan<double> factors)
    {
        var (own, columns) = (Of(matrix), factors.ToArray());
        _work.ForEach(own.Rows, own.Columns, row => TensorPrimitives.Multiply(own.Row(row), columns, own.Row(row)));
    }

    /// <inheritdoc/>
    public double[] ColumnLengths(IMatrix matrix)
    {
        var own = Of(matrix);
        var squares = new double[own.Columns];
        for (var row = 0; row < own.Rows; row++)
        {
            var values = own.Row(row);
            TensorPrimitives.FusedMultiplyAdd(values, values, squares, squares);
        }

        return Array.ConvertAll(squares, Math.Sqrt);
    }

    /// <inheritdoc/>
    public IMatrix Beside(IReadOnlyList<IMatrix> matrices)
    {
        var joined = new DenseMatrix(matrices[0].Rows, matrices.Sum(matrix => matrix.Columns));
        for (var row = 0; row < joined.Rows; row++)
        {
            var rest = joined.Row(row);
            foreach (var matrix in matrices)
            {
                Of(matrix).Row(row).CopyTo(rest);
                rest = rest[matrix.Columns..];
            }
        }

        return joined;
    }

    /// <inheritdoc/>
    public (double[] Values, IMatrix Vectors) Eigenvectors(IMatrix symmetric, int most, double smallest) =>
        SymmetricEigen.Largest(Of(symmetric), most, smallest, _work);

    /// <inheritdoc/>
    public void Weigh(IMatrix square, double factor, double offDiagonal, double added)
    {
        var own = Of(square);
        _work.ForEach(own.Rows, own.Columns, row =>
        {
            var values = own.Row(row);
            var diagonal = values[row];
            DenseVectors.Scale(values, factor * offDiagonal);
            values[row] = (diagonal * factor) + added;
        });
    }

    /// <inheritdoc/>
    public bool TrySolve(IMatrix system, IMatrix right) => new Cholesky(_work).TrySolve(Of(system), Of(right));

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static DenseMatrix Of(IMatrix matrix) => (DenseMatrix)matrix;
}
