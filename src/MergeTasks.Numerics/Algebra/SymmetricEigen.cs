using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Algebra;

/// <summary>
/// Eigenvalues and eigenvectors of a symmetric matrix in fp64: Householder tridiagonalisation, then the implicit QL method with Wilkinson's
/// shift (Bowdler, Martin, Reinsch and Wilkinson 1968). Errors are of the order of fp64 rounding of the largest eigenvalue.
/// </summary>
internal static class SymmetricEigen
{
    private const int MostSteps = 60;
    private const double Rounding = 1.0 / (1L << 53);

    /// <summary>The largest eigenvalues, descending, and orthonormal eigenvectors as columns.</summary>
    /// <param name="matrix">Symmetric; used up.</param>
    /// <param name="most">At most so many.</param>
    /// <param name="smallest">Eigenvalues up to this share of the largest are left out, and all that are not positive.</param>
    /// <param name="work">Threads.</param>
    /// <exception cref="NumericException">The matrix is not finite.</exception>
    public static (double[] Values, DenseMatrix Vectors) Largest(DenseMatrix matrix, int most, double smallest, MatrixWork work)
    {
        var scale = matrix.Values.Max(Math.Abs);
        if (!double.IsFinite(scale) || Array.Exists(matrix.Values, double.IsNaN))
            throw new NumericException(
                NumericProblem.Undefined, "its matrix has elements that are not finite, so it has no singular vectors");
        if (scale == 0)
            return ([], new DenseMatrix(matrix.Rows, 0));
        DenseVectors.Scale(matrix.Values, 1 / scale);
        var reduced = Tridiagonal.Of(matrix, work);
        matrix.Dispose();
        var sweeps = new RotationSweeps(reduced.Diagonal.Length, work);
        var values = reduced.Diagonal;
        Diagonalise(values, reduced.Beside, sweeps);
        var limit = Math.Max(0, smallest * values.Max());
        int[] chosen = [.. Enumerable.Range(0, values.Length).Where(i => values[i] > limit).OrderByDescending(i => values[i]).Take(most)];
        var vectors = sweeps.Columns(chosen);
        reduced.Apply(vectors);
        return (Array.ConvertAll(chosen, i => values[i] * scale), vectors);
    }

    private static void Diagonalise(double[] diagonal, double[] beside, RotationSweeps sweeps)
    {
        var negligible = Rounding * Math.Max(diagonal.Max(Math.Abs), beside.Max(Math.Abs));
        for (var first = 0; first < diagonal.Length; first++)
        {
            for (var step = 0; ; step++)
            {
                var last = first;
                while (last < diagonal.Length - 1 && Math.Abs(beside[last]) > negligible)
                    last++;
                if (last == first)
                    break;
                if (step == MostSteps)
                    throw new NumericException(NumericProblem.Undefined, "the search for its singular values does not converge");
                Sweep(diagonal, beside, first, last, sweeps);
            }
        }
    }

    // One step on the block from first to last, from its lower end upwards.
    private static void Sweep(double[] diagonal, double[] beside, int first, int last, RotationSweeps sweeps)
    {
        var ratio = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first]);
        var rest = diagonal[last] - diagonal[first] + (beside[first] / (ratio + Math.CopySign(Length(ratio, 1), ratio)));
        var (sine, cosine, moved) = (1.0, 1.0, 0.0);
        sweeps.Begin(last);
        for (var i = last - 1; i >= first; i--)
        {
            var (outside, inside) = (sine * beside[i], cosine * beside[i]);
            var length = Length(outside, rest);
            beside[i + 1] = length;
            if (length == 0)
            {
                diagonal[i + 1] -= moved;
                beside[last] = 0;
                return;
            }

            (sine, cosine) = (outside / length, rest / length);
            rest = diagonal[i + 1] - moved;
            var turned = ((diagonal[i] - rest) * sine) + (2 * cosine * inside);
            moved = sine * turned;
            diagonal[i + 1] = rest + moved;
            rest = (cosine * turned) - inside;
            sweeps.Add(cosine, sine);
        }

        diagonal[first] -= moved;
        (beside[first], beside[last]) = (rest, 0);
    }

    private static double Length(double a, double b) => Math.Sqrt((a * a) + (b * b));
}
