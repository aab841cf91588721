using System.Numerics.Tensors;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Algebra;

/// <summary>
/// The largest singular values of a matrix and their vectors, by randomised subspace iteration (Halko, Martinsson and Tropp 2011,
/// arXiv 0909.4061) in double precision. The matrix is read a few times from beginning to end and never held in memory.
/// </summary>
/// <remarks>
/// Exact to rounding where rank + oversampling reaches the matrix's smaller side; else the error of the approximation exceeds the best
/// possible one by a factor that falls exponentially with the number of iterations. The start is fixed and sums run in fixed order, so the
/// result does not depend on the number of threads.
/// </remarks>
internal sealed class TruncatedSvd
{
    private const int Oversampling = 8;
    private const int Iterations = 4;
    private const int BufferLength = 1 << 22;
    private const int ColumnsPerTask = 256;

    private readonly IMatrixRows _matrix;
    private readonly int _width;
    private readonly int _threads;
    private readonly float[] _buffer;

    private TruncatedSvd(IMatrixRows matrix, int width, int threads)
    {
        (_matrix, _width, _threads) = (matrix, width, threads);
        _buffer = new float[Math.Max(matrix.Columns, Math.Min(BufferLength, (long)matrix.Rows * matrix.Columns))];
    }

    /// <summary>Decomposes M ≈ U·diag(S)·Vᵀ.</summary>
    /// <param name="matrix">M.</param>
    /// <param name="rank">How many singular values; at most the smaller side.</param>
    /// <param name="threads">Threads to use.</param>
    /// <returns>U's columns one after the other, S descending, V's columns one after the other.</returns>
    public static (double[] U, double[] Values, double[] V) Of(IMatrixRows matrix, int rank, int threads)
    {
        var side = Math.Min(matrix.Rows, matrix.Columns);
        var width = Math.Min(side, rank + Oversampling);
        var svd = new TruncatedSvd(matrix, width, threads);

        // Where all of the smaller side is asked for there is nothing to guess: its unit vectors span everything.
        var range = width < side ? svd.Times(Start(matrix.Columns, width))
            : matrix.Rows <= matrix.Columns ? Identity(side)
            : svd.Times(Identity(side));
        OrthonormalColumns.Make(range, matrix.Rows);
        for (var i = 0; i < Iterations && width < side; i++)
        {
            var back = svd.TransposeTimes(range);
            OrthonormalColumns.Make(back, matrix.Columns);
            range = svd.Times(back);
            OrthonormalColumns.Make(range, matrix.Rows);
        }

        return Decompose(range, svd.TransposeTimes(range), width, Math.Min(rank, width), new MatrixWork(threads, CancellationToken.None));
    }

    // M ≈ Q·B with B = QᵀM. Of the eigenvectors W of BBᵀ, QW are M's left vectors; WᵀB are the right ones, times the singular values.
    private static (double[] U, double[] Values, double[] V) Decompose(
        double[] range, double[] product, int width, int rank, MatrixWork work)
    {
        var (rows, columns) = (range.Length / width, product.Length / width);
        DenseSlice basis = new(range, 0, rows, width, rows), small = new(product, 0, columns, width, columns);
        var products = new DenseMatrix(width, width);
        var multiply = new DenseProduct(work);
        multiply.Multiply(small, small.Transposed, products.Whole, isSymmetric: true);
        var vectors = SymmetricEigen.Largest(products, rank, 0, work).Vectors;
        double[] u = new double[rows * rank], v = new double[columns * rank], values = new double[rank];
        var count = vectors.Columns;
        multiply.Multiply(vectors.Whole.Transposed, basis, new DenseSlice(u, 0, rows, count, rows));
        multiply.Multiply(vectors.Whole.Transposed, small, new DenseSlice(v, 0, columns, count, columns));
        for (var i = 0; i < count; i++)
        {
            var own = v.AsSpan(i * columns, columns);
            values[i] = TensorPrimitives.Norm<double>(own);
            if (values[i] > 0)
                TensorPrimitives.Divide(own, values[i], own);
        }

        return (u, values, v);
    }

    private static double[] Identity(int size)
    {
        var identity = new double[size * size];
        for (var i = 0; i < size; i++)
            identity[(i * size) + i] = 1;
        return identity;
    }

    // Signs that look random and are the same every time (the output function of SplitMix64, Steele et al. 2014).
    private static double[] Start(int length, int count)
    {
        var start = new double[length * count];
        for (var i = 0; i < start.Length; i++)
        {
            var z = ((ulong)i + 1) * 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            start[i] = ((z ^ (z >> 31)) & 1) == 0 ? 1 : -1;
        }

        return start;
    }

    // Vectors one after the other become the rows of a matrix, so that one element of M meets all of them in a run.
    private double[] Times(double[] vectors)
    {
        var interleaved = Transposed(vectors, _width, _matrix.Columns);
        var product = new double[_matrix.Rows * _width];
        ForEachPart((first, count) => Workers.For(_threads, count, row =>
        {
            var own = product.AsSpan((first + row) * _width, _width);
            var elements = _buffer.AsSpan(row * _matrix.Columns, _matrix.Columns);
            for (var column = 0; column < elements.Length; column++)
                DenseVectors.AddProduct(own, interleaved.AsSpan(column * _width, _width), elements[column]);
        }));
        return Transposed(product, _matrix.Rows, _width);
    }

    private double[] TransposeTimes(double[] vectors)
    {
        var interleaved = Transposed(vectors, _width, _matrix.Rows);
        var product = new double[_matrix.Columns * _width];
        ForEachPart((first, count) => Workers.For(_threads, (_matrix.Columns + ColumnsPerTask - 1) / ColumnsPerTask, task =>
        {
            var end = Math.Min(_matrix.Columns, (task + 1) * ColumnsPerTask);
            for (var row = 0; row < count; row++)
            {
                var factor = interleaved.AsSpan((first + row) * _width, _width);
                for (var column = task * ColumnsPerTask; column < end; column++)
                    DenseVectors.AddProduct(product.AsSpan(column * _width, _width), factor, _buffer[(row * _matrix.Columns) + column]);
            }
        }));
        return Transposed(product, _matrix.Columns, _width);
    }

    private void ForEachPart(Action<int, int> action)
    {
        var most = Math.Max(1, _buffer.Length / Math.Max(1, _matrix.Columns));
        for (var first = 0; first < _matrix.Rows; first += most)
        {
            var count = Math.Min(most, _matrix.Rows - first);
            var start = first;
            Workers.For(_threads, count, row => _matrix.Read(start + row, _buffer.AsSpan(row * _matrix.Columns, _matrix.Columns)));
            action(first, count);
        }
    }

    private static double[] Transposed(double[] matrix, int rows, int columns)
    {
        var transposed = new double[matrix.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
                transposed[(column * rows) + row] = matrix[(row * columns) + column];
        }

        return transposed;
    }
}
