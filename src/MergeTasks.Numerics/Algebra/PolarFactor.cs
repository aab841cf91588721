namespace MergeTasks.Numerics.Algebra;

/// <summary>The orthogonal factor of a matrix's polar decomposition.</summary>
internal static class PolarFactor
{
    /// <summary>W(WᵀW)^−½, of all matrices with orthonormal columns the nearest to W; without the directions that W lacks.</summary>
    /// <param name="arithmetic">Computes.</param>
    /// <param name="matrix">W.</param>
    /// <param name="smallest">Singular values up to this share of the largest count as none.</param>
    /// <exception cref="NumericException">The matrix is not finite.</exception>
    public static IMatrix Of(IMatrixArithmetic arithmetic, IMatrix matrix, double smallest)
    {
        using var products = arithmetic.Gram(matrix, ofRows: false);
        var (values, directions) = arithmetic.Eigenvectors(products, matrix.Columns, smallest * smallest);
        using (directions)
        {
            arithmetic.ScaleColumns(directions, Array.ConvertAll(values, value => 1 / Math.Sqrt(Math.Sqrt(value))));
            using var root = arithmetic.Gram(directions, ofRows: true);
            return arithmetic.Product(matrix, root);
        }
    }
}
