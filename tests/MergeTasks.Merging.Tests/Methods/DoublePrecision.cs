namespace MergeTasks.Merging.Tests.Methods;

/// <summary>The methods written down plainly in double precision: whole tensors, no blocks, sorting instead of selecting.</summary>
internal static class DoublePrecision
{
    public static double[] Linear(double[][] models, double[] weights, bool normalize = true)
    {
        var divisor = normalize ? weights.Sum() : 1;
        return Elements(models[0], i => models.Select((model, m) => weights[m] * model[i]).Sum() / divisor);
    }

    public static double[] TaskArithmetic(double[] basis, double[][] models, double[] weights, double lambda = 1) =>
        Elements(basis, i => basis[i] + (lambda * models.Select((model, m) => weights[m] * (model[i] - basis[i])).Sum()));

    /// <summary>
    /// Yadav et al. 2023: trim each task vector to its largest elements, elect a sign per element, average those that have it.
    /// </summary>
    public static double[] Ties(
        double[] basis, double[][] models, double[] weights, double density, bool normalize = true, double lambda = 1)
    {
        var deltas = models.Select((model, m) =>
            Trim(Elements(basis, i => model[i] - basis[i]), density).Select(delta => weights[m] * delta).ToArray()).ToArray();
        return Elements(basis, i =>
        {
            var positive = deltas.Sum(delta => delta[i]) >= 0;
            var agreeing = Enumerable.Range(0, deltas.Length).Where(m => positive ? deltas[m][i] > 0 : deltas[m][i] < 0).ToList();
            var divisor = normalize ? agreeing.Sum(m => weights[m]) : 1;
            return basis[i] + (lambda * agreeing.Sum(m => deltas[m][i]) / (divisor == 0 ? 1 : divisor));
        });
    }

    public static double[] Slerp(double[] from, double[] to, double t)
    {
        var cosine = from.Zip(to, (a, b) => a * b).Sum() / Math.Sqrt(from.Sum(a => a * a) * to.Sum(b => b * b));
        var angle = Math.Acos(cosine);
        return Math.Abs(cosine) > 0.9995
            ? Elements(from, i => ((1 - t) * from[i]) + (t * to[i]))
            : Elements(from, i => ((Math.Sin((1 - t) * angle) * from[i]) + (Math.Sin(t * angle) * to[i])) / Math.Sin(angle));
    }

    // Of equally large elements the first ones stay, as many as fit.
    private static double[] Trim(double[] delta, double density)
    {
        var kept = Enumerable.Range(0, delta.Length)
            .OrderByDescending(i => Math.Abs((float)delta[i]))
            .ThenBy(i => i)
            .Take((int)(density * delta.Length))
            .ToHashSet();
        return Elements(delta, i => kept.Contains(i) ? delta[i] : 0);
    }

    private static double[] Elements(double[] like, Func<int, double> element) => [.. Enumerable.Range(0, like.Length).Select(element)];
}
