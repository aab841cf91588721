using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Which experts see which rows, and with what weight.</summary>
internal sealed class Routing
{
    private readonly RoutingSpec _spec;
    private readonly float[,] _weights;
    private readonly float[]? _scales;
    private readonly int[][] _chosen;
    private readonly int[][] _rows;

    private Routing(RoutingSpec spec, float[,] weights, int[][] chosen, float[]? scales)
    {
        _spec = spec;
        _scales = scales;
        _weights = weights;
        _chosen = chosen;
        var rows = Enumerable.Range(0, weights.GetLength(1)).Select(_ => new List<int>()).ToArray();
        for (var row = 0; row < chosen.Length; row++)
            foreach (var expert in chosen[row])
                rows[expert].Add(row);
        _rows = [.. rows.Select(list => list.ToArray())];
    }

    /// <summary>Chooses each row's experts; the lower index among equals.</summary>
    /// <param name="spec">The rule.</param>
    /// <param name="scores">The router's scores.</param>
    /// <param name="correction">Added to weights for the choice; null: nothing.</param>
    /// <param name="scales">Multiply the weights at the end; null: nothing does.</param>
    public static Routing Choose(RoutingSpec spec, Activation scores, float[]? correction, float[]? scales = null)
    {
        var weights = new float[scores.Rows, scores.Channels];
        var chosen = new int[scores.Rows][];
        for (var row = 0; row < scores.Rows; row++)
        {
            var own = scores.Row(row).ToArray();
            if (spec.Function == RouterFunction.SparseMixer)
            {
                chosen[row] = SparseMixer.Choose(own, spec.PerToken);
                var seen = SparseMixer.Weights(own, chosen[row], spec.Tolerance);
                for (var i = 0; i < chosen[row].Length; i++)
                    weights[row, chosen[row][i]] = (float)seen[i][chosen[row][i]];
                continue;
            }

            var values = Values(spec, own);
            chosen[row] = Choice(spec, values, correction);
            var divisor = Divisor(spec, values, chosen[row]);
            foreach (var expert in chosen[row])
                weights[row, expert] = (float)(values[expert] / divisor * spec.Factor * (scales?[expert] ?? 1));
        }

        return new Routing(spec, weights, chosen, scales);
    }

    /// <summary>The rows that an expert sees, ascending.</summary>
    public int[] RowsOf(int expert) => _rows[expert];

    /// <summary>The weight of an expert; 0 where it does not see the row.</summary>
    public float WeightOf(int row, int expert) => _weights[row, expert];

    /// <summary>Turns the gradient of the weights into that of the scores, in place.</summary>
    /// <returns>The gradient of the factors at the end.</returns>
    public float[] Backward(Activation scores, Activation gradient)
    {
        var dScales = new double[scores.Channels];
        for (var row = 0; row < gradient.Rows; row++)
        {
            var own = scores.Row(row).ToArray();
            var d = gradient.Row(row);
            UndoScales(own, _chosen[row], d, dScales);
            var slopes = _spec.Function == RouterFunction.SparseMixer
                ? SparseMixer.Backward(own, _chosen[row], _spec.Tolerance, d.ToArray())
                : Backward(own, _chosen[row], d);
            for (var expert = 0; expert < d.Length; expert++)
                d[expert] = (float)slopes[expert];
        }

        return Array.ConvertAll(dScales, sum => (float)sum);
    }

    private void UndoScales(float[] scores, int[] chosen, Span<float> dWeights, double[] dScales)
    {
        if (_scales is null)
            return;
        var values = Values(_spec, scores);
        var divisor = Divisor(_spec, values, chosen);
        foreach (var expert in chosen)
        {
            dScales[expert] += dWeights[expert] * values[expert] / divisor * _spec.Factor;
            dWeights[expert] *= _scales[expert];
        }
    }

    // w = factor · v / T: dv = factor · (dw − Σ dw · v / T) / T where T is the sum, dw · factor where it is 1; then through softmax or
    // sigmoid.
    private double[] Backward(float[] scores, int[] chosen, ReadOnlySpan<float> dWeights)
    {
        var values = Values(_spec, scores);
        var divisor = Divisor(_spec, values, chosen);
        var along = 0.0;
        var followsSum = _spec.Renormalised is not null && divisor > _spec.SmallestSum;
        foreach (var expert in chosen)
            along += followsSum ? dWeights[expert] * values[expert] / divisor : 0;
        var dValues = new double[values.Length];
        foreach (var expert in chosen)
            dValues[expert] = _spec.Factor * (dWeights[expert] - along) / divisor;
        if (_spec.Function == RouterFunction.Sigmoid)
            return [.. dValues.Select((d, i) => d * values[i] * (1 - values[i]))];
        var mean = dValues.Zip(values, (d, value) => d * value).Sum();
        return [.. dValues.Select((d, i) => values[i] * (d - mean))];
    }

    private static double[] Values(RoutingSpec spec, float[] scores)
    {
        if (spec.Function == RouterFunction.Sigmoid)
            return Array.ConvertAll(scores, score => 1 / (1 + Math.Exp(-(double)score)));
        var best = scores.Max();
        var all = Array.ConvertAll(scores, score => Math.Exp((double)score - best));
        var sum = all.Sum();
        return Array.ConvertAll(all, value => value / sum);
    }

    private static double Divisor(RoutingSpec spec, double[] values, int[] chosen) =>
        spec.Renormalised is { } added ? Math.Max(chosen.Sum(expert => values[expert]) + added, spec.SmallestSum) : 1;

    private static int[] Choice(RoutingSpec spec, double[] values, float[]? correction)
    {
        var ranking = correction is null ? values : values.Select((value, i) => value + correction[i]).ToArray();
        var perGroup = values.Length / spec.Groups;
        var open = Enumerable.Range(0, values.Length);
        if (spec.Groups > 1)
        {
            var groups = Enumerable.Range(0, spec.Groups)
                .OrderByDescending(group => ranking.Skip(group * perGroup).Take(perGroup).OrderDescending().Take(spec.RankingWeights).Sum())
                .Take(spec.ChosenGroups).ToHashSet();
            open = open.Where(expert => groups.Contains(expert / perGroup));
        }

        return [.. open.OrderByDescending(expert => ranking[expert]).Take(spec.PerToken)];
    }
}
