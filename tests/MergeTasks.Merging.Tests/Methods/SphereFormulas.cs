namespace MergeTasks.Merging.Tests.Methods;

/// <summary>The methods on directions and lengths, with whole vectors at hand and every step taken on them.</summary>
internal static class SphereFormulas
{
    public static double[] Nuslerp(double[] a, double[] b, double t)
    {
        double Norm(double[] v) => Math.Max(Math.Sqrt(v.Sum(x => x * x)), 1e-7);
        var theta = Math.Acos(Math.Clamp(a.Zip(b, (x, y) => x * y).Sum() / (Norm(a) * Norm(b)), -1, 1));
        return Math.Abs(Math.Sin(theta)) < 1e-6
            ? [.. a.Zip(b, (x, y) => ((1 - t) * x) + (t * y))]
            : [.. a.Zip(b, (x, y) => ((Math.Sin((1 - t) * theta) * x) + (Math.Sin(t * theta) * y)) / Math.Sin(theta))];
    }

    /// <summary>With the step along the mean tangent, although it is zero.</summary>
    public static double[] Multislerp(double[][] models, double[] weights, double eps = 1e-8)
    {
        var shares = weights.Select(weight => weight / weights.Sum()).ToArray();
        var norms = models.Select(Norm).ToArray();
        var units = models.Select((model, m) => Scaled(model, 1 / (norms[m] + eps))).ToArray();
        var mean = Sum(units, shares);
        if (Norm(mean) < eps)
            return Sum(models, shares);
        var direction = Scaled(mean, 1 / Norm(mean));
        var tangents = units.Select(unit => Difference(unit, Scaled(direction, Dot(unit, direction)))).ToArray();
        var tangent = Sum(tangents, shares);
        var angle = Norm(tangent) + eps;
        var moved = direction.Zip(tangent, (m, t) => (m * Math.Cos(angle)) + (t * Math.Sin(angle) / angle)).ToArray();
        return Scaled(moved, norms.Zip(shares, (norm, share) => norm * share).Sum());
    }

    public static double[] Karcher(double[][] models, int steps = 10, double tolerance = 1e-5)
    {
        var norms = models.Select(Norm).ToArray();
        var kept = Enumerable.Range(0, models.Length).Where(i => norms[i] > tolerance).ToList();
        if (kept.Count == 0)
            return new double[models[0].Length];
        var units = kept.Select(i => Scaled(models[i], 1 / norms[i])).ToArray();
        var shares = Enumerable.Repeat(1.0 / kept.Count, kept.Count).ToArray();
        var centre = Sum(units, shares);
        centre = Norm(centre) < tolerance ? units[0] : Scaled(centre, 1 / Norm(centre));
        for (var step = 0; step < steps; step++)
        {
            var tangent = new double[centre.Length];
            for (var i = 0; i < units.Length; i++)
            {
                var cosine = Math.Clamp(Dot(units[i], centre), -1, 1);
                var angle = Math.Acos(cosine);
                if (angle >= tolerance && angle <= Math.PI - tolerance)
                    tangent = [
                        .. tangent.Zip(
                            Difference(units[i], Scaled(centre, cosine)), (t, d) => t + (shares[i] * angle / Math.Sin(angle) * d))
                    ];
            }

            var length = Norm(tangent);
            if (length < tolerance)
                break;
            centre = [.. centre.Zip(tangent, (c, t) => (Math.Cos(length) * c) + (Math.Sin(length) * t / length))];
            centre = Scaled(centre, 1 / Norm(centre));
        }

        return Scaled(centre, norms.Average());
    }

    /// <summary>The deltas' mean times the share; a share below zero is zero, unless it extrapolates, as mergekit does.</summary>
    public static double[] ModelStock(double[][] deltas) => ModelStock(deltas, false);

    public static double[] ModelStock(double[][] deltas, bool extrapolates)
    {
        var cosines = new List<double>();
        for (var i = 0; i < deltas.Length; i++)
        {
            for (var j = 0; j < i; j++)
            {
                var product = Norm(deltas[i]) * Norm(deltas[j]);
                cosines.Add(product == 0 ? 0 : Dot(deltas[i], deltas[j]) / product);
            }
        }

        var t = deltas.Length * cosines.Average() / (1 + ((deltas.Length - 1) * cosines.Average()));
        t = extrapolates ? t : Math.Max(0, t);
        return Scaled(Sum(deltas, [.. deltas.Select(_ => 1.0 / deltas.Length)]), t);
    }

    private static double Norm(double[] v) => Math.Sqrt(Dot(v, v));

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double[] Scaled(double[] v, double factor) => Array.ConvertAll(v, x => x * factor);

    private static double[] Difference(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x - y)];

    private static double[] Sum(double[][] vectors, double[] weights) =>
        [.. Enumerable.Range(0, vectors[0].Length).Select(i => vectors.Select((v, m) => weights[m] * v[i]).Sum())];
}
