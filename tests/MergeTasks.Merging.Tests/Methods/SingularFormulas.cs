namespace MergeTasks.Merging.Tests.Methods;

/// <summary>TSV-M with singular vectors from the eigenvectors of products, found by two-sided rotations, unlike the product's.</summary>
internal static class SingularFormulas
{
    // Shares of the largest singular value below this are left out; a product's eigenvalues are squares.
    private const double Smallest = 3e-7 * 3e-7;

    public static double[] Tsv(double[][] deltas, long[] shape, double lambda)
    {
        var count = deltas[0].Length;
        if (shape.Length < 2 || count == 0)
            return [.. Enumerable.Range(0, count).Select(i => lambda * deltas.Average(delta => delta[i]))];
        var (rows, columns) = ((int)shape[^2], (int)shape[^1]);
        return [
            .. Enumerable.Range(0, count / (rows * columns))
                .SelectMany(slab =>
                    Matrix(
                        [.. deltas.Select(delta => delta.AsSpan(slab * rows * columns, rows * columns).ToArray())], rows, columns, lambda))
        ];
    }

    private static double[] Matrix(double[][] deltas, int rows, int columns, double lambda)
    {
        var kept = Math.Max(1, Math.Min(rows, columns) / deltas.Length);
        var triplets = deltas.SelectMany(delta => Triplets(delta, rows, columns).Where(triplet => triplet.Value > 0).Take(kept)).ToList();
        if (triplets.Count == 0)
            return new double[rows * columns];
        var u = Polar([.. triplets.Select(triplet => triplet.Left)]);
        var v = Polar([.. triplets.Select(triplet => triplet.Right)]);
        var result = new double[rows * columns];
        for (var i = 0; i < triplets.Count; i++)
        {
            for (var row = 0; row < rows; row++)
            {
                for (var column = 0; column < columns; column++)
                    result[(row * columns) + column] += lambda * triplets[i].Value * u[i][row] * v[i][column];
            }
        }

        return result;
    }

    private static List<(double Value, double[] Left, double[] Right)> Triplets(double[] matrix, int rows, int columns)
    {
        var byRows = rows <= columns;
        var (few, many) = byRows ? (rows, columns) : (columns, rows);
        double At(int i, int j) => byRows ? matrix[(i * columns) + j] : matrix[(j * columns) + i];
        var vectors = Enumerable.Range(0, few).Select(i => Enumerable.Range(0, many).Select(j => At(i, j)).ToArray()).ToArray();
        var pairs = Eigen(Products(vectors));
        return [.. pairs.Where(pair => pair.Value > Smallest * pairs[0].Value).Select(pair =>
        {
            var value = Math.Sqrt(pair.Value);
            var own = new double[many];
            for (var i = 0; i < few; i++)
            {
                for (var j = 0; j < many; j++)
                    own[j] += pair.Vector[i] * vectors[i][j] / value;
            }

            return byRows ? (value, pair.Vector, own) : (value, own, pair.Vector);
        })];
    }

    // W·(WᵀW)^(−½), leaving out what is linearly dependent.
    private static double[][] Polar(double[][] vectors)
    {
        var pairs = Eigen(Products(vectors));
        var root = new double[vectors.Length, vectors.Length];
        foreach (var (value, vector) in pairs.Where(pair => pair.Value > Smallest * pairs[0].Value))
        {
            for (var i = 0; i < vectors.Length; i++)
            {
                for (var j = 0; j < vectors.Length; j++)
                    root[i, j] += vector[i] * vector[j] / Math.Sqrt(value);
            }
        }

        return [.. Enumerable.Range(0, vectors.Length).Select(i =>
            Enumerable.Range(0, vectors[0].Length)
                .Select(element => Enumerable.Range(0, vectors.Length).Sum(j => vectors[j][element] * root[j, i]))
                .ToArray())];
    }

    private static double[,] Products(double[][] vectors)
    {
        var products = new double[vectors.Length, vectors.Length];
        for (var i = 0; i < vectors.Length; i++)
        {
            for (var j = 0; j < vectors.Length; j++)
                products[i, j] = vectors[i].Zip(vectors[j], (x, y) => x * y).Sum();
        }

        return products;
    }

    // Jacobi's eigenvalue method, in descending order.
    private static List<(double Value, double[] Vector)> Eigen(double[,] a)
    {
        var n = a.GetLength(0);
        var v = new double[n, n];
        for (var i = 0; i < n; i++)
            v[i, i] = 1;
        var rotated = true;
        for (var sweep = 0; rotated && sweep < 60; sweep++)
        {
            rotated = false;
            for (var p = 0; p < n; p++)
            {
                for (var q = p + 1; q < n; q++)
                {
                    if (Math.Abs(a[p, q]) <= 1e-17 * Math.Sqrt(Math.Abs(a[p, p] * a[q, q])) || Math.Abs(a[p, q]) < 1e-300)
                        continue;
                    rotated = true;
                    var theta = (a[q, q] - a[p, p]) / (2 * a[p, q]);
                    var t = Math.CopySign(1, theta) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
                    var (c, s) = (1 / Math.Sqrt((t * t) + 1), t / Math.Sqrt((t * t) + 1));
                    for (var k = 0; k < n; k++)
                        (a[k, p], a[k, q]) = ((c * a[k, p]) - (s * a[k, q]), (s * a[k, p]) + (c * a[k, q]));
                    for (var k = 0; k < n; k++)
                        (a[p, k], a[q, k]) = ((c * a[p, k]) - (s * a[q, k]), (s * a[p, k]) + (c * a[q, k]));
                    for (var k = 0; k < n; k++)
                        (v[k, p], v[k, q]) = ((c * v[k, p]) - (s * v[k, q]), (s * v[k, p]) + (c * v[k, q]));
                }
            }
        }

        return [
            .. Enumerable.Range(0, n)
                .OrderByDescending(i => a[i, i])
                .Select(i => (a[i, i], Enumerable.Range(0, n).Select(k => v[k, i]).ToArray()))
        ];
    }
}
