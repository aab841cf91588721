using System.Numerics.Tensors;

namespace MergeTasks.Merging.Numerics;

/// <summary>
/// The singular value decomposition of a matrix with few columns, by one-sided Jacobi rotations (Hestenes 1958): accurate to rounding also
/// for small singular values.
/// </summary>
internal static class JacobiSvd
{
    private const int MaxSweeps = 60;
    private const double Tolerance = 1e-15;

    /// <summary>Decomposes M = U·diag(S)·Vᵀ.</summary>
    /// <param name="columns">M's columns one after the other; replaced by U's (zeros where the singular value is zero).</param>
    /// <param name="rows">Length of a column.</param>
    /// <returns>Singular values, descending, and V's columns one after the other.</returns>
    public static (double[] Values, double[] V) Decompose(double[] columns, int rows)
    {
        var count = columns.Length / Math.Max(1, rows);
        var v = new double[count * count];
        for (var i = 0; i < count; i++)
            v[(i * count) + i] = 1;
        for (var sweep = 0; sweep < MaxSweeps && Sweep(columns, rows, v, count); sweep++)
        {
        }

        var norms = Enumerable.Range(0, count).Select(i => TensorPrimitives.Norm<double>(columns.AsSpan(i * rows, rows))).ToArray();
        var order = Enumerable.Range(0, count).OrderByDescending(i => norms[i]).ToArray();
        var (sortedColumns, sortedV) = (new double[columns.Length], new double[v.Length]);
        for (var i = 0; i < count; i++)
        {
            var own = sortedColumns.AsSpan(i * rows, rows);
            columns.AsSpan(order[i] * rows, rows).CopyTo(own);
            if (norms[order[i]] > 0)
                TensorPrimitives.Divide(own, norms[order[i]], own);
            v.AsSpan(order[i] * count, count).CopyTo(sortedV.AsSpan(i * count, count));
        }

        sortedColumns.CopyTo(columns, 0);
        return ([.. order.Select(i => norms[i])], sortedV);
    }

    // One rotation for each pair of columns; whether any was needed.
    private static bool Sweep(double[] columns, int rows, double[] v, int count)
    {
        var rotated = false;
        for (var i = 0; i < count - 1; i++)
        {
            for (var j = i + 1; j < count; j++)
            {
                var a = columns.AsSpan(i * rows, rows);
                var b = columns.AsSpan(j * rows, rows);
                var (alpha, beta, gamma) = (TensorPrimitives.SumOfSquares<double>(a), TensorPrimitives.SumOfSquares<double>(b), TensorPrimitives.Dot<double>(a, b));
                if (gamma == 0 || Math.Abs(gamma) <= Tolerance * Math.Sqrt(alpha * beta))
                    continue;
                rotated = true;
                var zeta = (beta - alpha) / (2 * gamma);
                var tangent = (zeta >= 0 ? 1 : -1) / (Math.Abs(zeta) + Math.Sqrt(1 + (zeta * zeta)));
                var cosine = 1 / Math.Sqrt(1 + (tangent * tangent));
                Rotate(a, b, cosine, cosine * tangent);
                Rotate(v.AsSpan(i * count, count), v.AsSpan(j * count, count), cosine, cosine * tangent);
            }
        }

        return rotated;
    }

    private static void Rotate(Span<double> a, Span<double> b, double cosine, double sine)
    {
        for (var i = 0; i < a.Length; i++)
            (a[i], b[i]) = ((cosine * a[i]) - (sine * b[i]), (sine * a[i]) + (cosine * b[i]));
    }
}
