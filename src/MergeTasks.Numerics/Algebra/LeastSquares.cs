using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Algebra;

/// <summary>Small least-squares problems in fp64.</summary>
internal static class LeastSquares
{
    // Of squared singular values beside the largest: below that, fp32 numbers do not determine a direction.
    private const double Negligible = 1e-12;

    private static readonly MatrixWork Alone = new(1, CancellationToken.None);

    /// <summary>The shortest x of those that minimise |A·x − b|.</summary>
    /// <param name="a">[rows, columns].</param>
    /// <param name="b">As many numbers as rows.</param>
    /// <exception cref="NumericException">The matrix is not finite.</exception>
    public static double[] Solve(DenseMatrix a, ReadOnlySpan<double> b)
    {
        // x = (AᵀA)⁺·Aᵀb = Aᵀ·(AAᵀ)⁺b: the smaller of the two.
        var isTall = a.Rows >= a.Columns;
        var slice = isTall ? a.Whole.Transposed : a.Whole;
        var square = new DenseMatrix(slice.Rows, slice.Rows);
        new DenseProduct(Alone).Multiply(slice, slice.Transposed, square.Whole, isSymmetric: true);
        var right = isTall ? Times(slice, b) : b.ToArray();
        var solved = Determined(square, right) ?? Shortest(square, right);
        return isTall ? solved : Times(a.Whole.Transposed, solved);
    }

    private static double[]? Determined(DenseMatrix square, double[] right)
    {
        var (lower, solution) = (new DenseMatrix(square.Rows, square.Rows), new DenseMatrix(square.Rows, 1));
        square.Values.CopyTo(lower.Values, 0);
        right.CopyTo(solution.Values, 0);
        if (!new Cholesky(Alone).TrySolve(lower, solution))
            return null;
        var (least, most) = (double.PositiveInfinity, 0.0);
        for (var i = 0; i < lower.Rows; i++)
        {
            var pivot = lower.Row(i)[i] * lower.Row(i)[i];
            (least, most) = (Math.Min(least, pivot), Math.Max(most, pivot));
        }

        return least > Negligible * most ? solution.Values : null;
    }

    private static double[] Shortest(DenseMatrix square, double[] right)
    {
        var (values, vectors) = SymmetricEigen.Largest(square, square.Rows, Negligible, Alone);
        var coordinates = Times(vectors.Whole.Transposed, right);
        for (var i = 0; i < values.Length; i++)
            coordinates[i] /= values[i];
        return Times(vectors.Whole, coordinates);
    }

    private static double[] Times(DenseSlice matrix, ReadOnlySpan<double> vector)
    {
        var product = new double[matrix.Rows];
        for (var row = 0; row < product.Length; row++)
        {
            for (var column = 0; column < vector.Length; column++)
                product[row] += matrix.Values[matrix.Index(row, column)] * vector[column];
        }

        return product;
    }
}
