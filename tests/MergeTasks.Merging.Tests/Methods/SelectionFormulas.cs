namespace MergeTasks.Merging.Tests.Methods;

/// <summary>The methods that choose elements or columns by what changed, with whole tensors and sorts.</summary>
internal static class SelectionFormulas
{
    /// <summary>The deltas' part of SCE.</summary>
    public static double[] Sce(double[][] deltas, double share)
    {
        var (models, count) = (deltas.Length, deltas[0].Length);
        if (share < 1)
        {
            var variances = Elements(count, i =>
            {
                var mean = deltas.Average(delta => delta[i]);
                return deltas.All(delta => delta[i] == deltas[0][i]) ? 0 : deltas.Average(delta => (delta[i] - mean) * (delta[i] - mean));
            });
            var differing = variances.Count(variance => variance > 0);
            var kept = Enumerable.Range(0, count)
                .OrderByDescending(i => (float)variances[i])
                .ThenBy(i => i)
                .Take(differing == 0 ? count : (int)(differing * share))
                .ToHashSet();
            deltas = [.. deltas.Select(delta => Elements(count, i => kept.Contains(i) ? delta[i] : 0))];
        }

        var squares = deltas.Select(delta => delta.Sum(d => d * d)).ToArray();
        var shares = squares.Select(square => squares.Sum() == 0 ? 1.0 / models : square / squares.Sum()).ToArray();
        return Elements(count, i =>
        {
            var positive = deltas.Sum(delta => delta[i]) >= 0;
            var taking = Enumerable.Range(0, models).Where(m => positive ? deltas[m][i] > 0 : deltas[m][i] < 0).ToList();
            return taking.Count == 0 || taking.Sum(m => shares[m]) == 0
                ? 0
                : taking.Sum(m => shares[m] * deltas[m][i]) / taking.Sum(m => shares[m]);
        });
    }

    /// <summary>The deltas' part of RAM and, with r, of RAM+.</summary>
    public static double[] Ram(double[][] deltas, double epsilon, double r = 0, double alpha = 0)
    {
        var count = deltas[0].Length;
        bool Active(int model, int i) => Math.Abs((float)deltas[model][i]) > (float)epsilon;
        var active = Enumerable.Range(0, count).Select(i => Enumerable.Range(0, deltas.Length).Count(m => Active(m, i))).ToArray();
        var factors = Enumerable.Range(0, deltas.Length).Select(m =>
        {
            double shared = Enumerable.Range(0, count)
                .Count(i => Active(m, i) && active[i] > 1), unique = Enumerable.Range(0, count).Count(i => Active(m, i) && active[i] == 1);
            return 1 + (r * Math.Clamp(shared / Math.Max(unique, epsilon), 0, alpha));
        }).ToArray();
        return Elements(
            count,
            i =>
                Enumerable.Range(0, deltas.Length)
                    .Where(m => Active(m, i))
                    .Sum(m => active[i] == 1 ? factors[m] * deltas[m][i] : deltas[m][i] / active[i]));
    }

    public static double[] Nearswap(double[] basis, double[] other, double t) => Elements(basis.Length, i =>
    {
        var share = Math.Clamp(t / Math.Max(Math.Abs(basis[i] - other[i]), 1e-6), 0, 1);
        return (share * other[i]) + ((1 - share) * basis[i]);
    });

    public static double[] Fusion(double[] basis, double[] other, long[] shape)
    {
        var length = shape.Length == 0 ? 1 : (int)shape[^1];
        var scores = new float[basis.Length];
        for (var row = 0; row < basis.Length; row += length)
        {
            var (p, q) = (Softmax(other[row..(row + length)]), Softmax(basis[row..(row + length)]));
            var divergence = Math.Max(0, p.Zip(q, (x, y) => (x + 1e-8) * Math.Log((x + 1e-8) / (y + 1e-8))).Sum());
            for (var i = row; i < row + length; i++)
                scores[i] = (float)(Math.Abs(other[i] - basis[i]) * divergence);
        }

        if (scores.Length == 0)
            return [];
        var sorted = scores.Order().ToArray();
        float Quantile(double share) => sorted[(int)(share * (sorted.Length - 1))];
        var threshold = Quantile(0.5) + (1.5f * (Quantile(0.75) - Quantile(0.25)));
        return Elements(basis.Length, i => scores[i] >= threshold ? other[i] : basis[i]);
    }

    /// <summary>The deltas' part of WIDEN.</summary>
    public static double[] Widen(Problem problem, double ratio, double calibration)
    {
        var (shape, models) = (problem.Shape, problem.Models.Length);
        if (shape.Length < 2)
        {
            var deltas = problem.Deltas;
            var means = deltas.Select(delta => delta.Select(Math.Abs).DefaultIfEmpty().Average()).ToArray();
            return Elements(problem.Base.Length, i =>
            {
                var sizes = deltas.Select(delta => Math.Abs(delta[i])).ToArray();
                return Enumerable.Range(0, models)
                    .Sum(m => (sizes[m] > ratio * means[m] ? calibration : Math.Exp(sizes[m]) / sizes.Sum(Math.Exp)) * deltas[m][i]);
            });
        }

        var (rows, columns) = ((int)shape[^2], (int)shape[^1]);
        var size = rows * columns;
        var isTransposed = problem.Name.Contains("embed_tokens", StringComparison.Ordinal);
        var result = new double[problem.Base.Length];
        for (var start = 0; start < result.Length; start += size)
        {
            int At(int row, int column) => start + (isTransposed ? (column * columns) + row : (row * columns) + column);
            var (height, width) = isTransposed ? (columns, rows) : (rows, columns);
            double[] Column(double[] tensor, int column) => Elements(height, row => tensor[At(row, column)]);
            var scores = new double[models, width];
            foreach (var isDirection in new[] { false, true })
            {
                var ranks = problem.Models.Select(model =>
                {
                    var changes = Elements(width, column =>
                    {
                        var (b, w) = (Column(problem.Base, column), Column(model, column));
                        double squareB = b.Sum(x => x * x), squareW = w.Sum(x => x * x);
                        if (!isDirection)
                            return Math.Abs(Math.Sqrt(squareW) - Math.Sqrt(squareB));
                        return squareB == 0 || squareW == 0
                            ? double.PositiveInfinity
                            : Math.Max(0, 1 - (b.Zip(w, (x, y) => x * y).Sum() / Math.Sqrt(squareB * squareW)));
                    });
                    var ranks = new double[width];
                    foreach (var (place, column) in Enumerable.Range(0, width).OrderBy(column => changes[column]).Index())
                        ranks[column] = place / (double)width;
                    return ranks;
                }).ToArray();
                for (var m = 0; m < models; m++)
                {
                    for (var column = 0; column < width; column++)
                        scores[m, column] += (Math.Round(ranks[m][column] * width) > ratio * (width - 1) / 2
                            ? calibration
                            : Math.Exp(ranks[m][column]) / ranks.Sum(rank => Math.Exp(rank[column]))) / 2;
                }
            }

            for (var row = 0; row < height; row++)
            {
                for (var column = 0; column < width; column++)
                    result[At(row, column)] = Enumerable.Range(0, models)
                        .Sum(m => scores[m, column] * (problem.Models[m][At(row, column)] - problem.Base[At(row, column)]));
            }
        }

        return result;
    }

    private static double[] Softmax(double[] values)
    {
        var largest = values.Max();
        var exponentials = Array.ConvertAll(values, value => Math.Exp(value - largest));
        var sum = exponentials.Sum();
        return Array.ConvertAll(exponentials, value => value / sum);
    }

    private static double[] Elements(int count, Func<int, double> element) => [.. Enumerable.Range(0, count).Select(element)];
}
