namespace MergeTasks.Merging.Tests.Methods;

/// <summary>The methods whose numbers belong to the whole model, on all of its tensors one after the other.</summary>
internal static class WholeModelFormulas
{
    public static IReadOnlyList<double[]> Pcb(IReadOnlyList<Problem> problems, double ratio, double lambda)
    {
        var models = problems[0].Models.Length;
        var deltas = Enumerable.Range(0, models)
            .Select(m => problems.SelectMany(problem => problem.Deltas[m].Select(delta => (double)(float)delta)).ToArray())
            .ToArray();
        var count = deltas[0].Length;
        var sums = Enumerable.Range(0, count).Select(i => deltas.Sum(delta => delta[i])).ToArray();
        var (numerator, denominator) = (new double[count], new double[count]);
        foreach (var delta in deltas)
        {
            var clamped = Clamp([.. delta.Select(Math.Abs)], 1e-4, 1e-4);
            var scores = Norm(clamped).Select((norm, i) => Math.Exp(models * norm * norm) * Math.Tanh(delta[i] * sums[i])).ToArray();
            var shares = Norm(Clamp(scores, 1 - ratio, 0));
            for (var i = 0; i < count; i++)
            {
                numerator[i] += shares[i] * Math.Sign(delta[i]) * clamped[i];
                denominator[i] += shares[i];
            }
        }

        var start = 0;
        return [.. problems.Select(problem =>
        {
            var first = start;
            start += problem.Base.Length;
            return problem.Base.Select((b, i) => b + (lambda * numerator[first + i] / Math.Max(denominator[first + i], 1e-12))).ToArray();
        })];
    }

    private static double[] Clamp(double[] values, double low, double high)
    {
        var sorted = values.Order().ToArray();
        var (least, most) = (sorted[(int)(values.Length * low)], sorted[(int)((values.Length * (1 - high)) - 1)]);
        return [.. values.Select(value => Math.Clamp(value, least, most))];
    }

    private static double[] Norm(double[] values)
    {
        var (least, most) = (values.Min(), values.Max());
        return [.. values.Select(value => most > least ? (value - least) / (most - least) : 0)];
    }
}
