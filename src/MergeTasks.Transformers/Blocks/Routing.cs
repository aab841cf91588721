using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Which experts see which rows, and with what weight.</summary>
internal sealed class Routing
{
    private readonly float[,] _weights;
    private readonly int[][] _rows;

    private Routing(float[,] weights, int[][] rows)
    {
        _weights = weights;
        _rows = rows;
    }

    /// <summary>Chooses the experts with the highest scores for each row; the lower index among equals.</summary>
    public static Routing Choose(Activation scores, int perToken)
    {
        var experts = scores.Channels;
        var weights = new float[scores.Rows, experts];
        var rows = Enumerable.Range(0, experts).Select(_ => new List<int>()).ToArray();
        for (var row = 0; row < scores.Rows; row++)
        {
            var own = scores.Row(row).ToArray();
            var chosen = Enumerable.Range(0, experts).OrderByDescending(expert => own[expert]).Take(perToken).ToArray();
            var best = own[chosen[0]];
            var total = chosen.Sum(expert => Math.Exp(own[expert] - best));
            foreach (var expert in chosen)
            {
                weights[row, expert] = (float)(Math.Exp(own[expert] - best) / total);
                rows[expert].Add(row);
            }
        }

        return new Routing(weights, [.. rows.Select(list => list.ToArray())]);
    }

    /// <summary>The rows that an expert sees, ascending.</summary>
    public int[] RowsOf(int expert) => _rows[expert];

    /// <summary>The weight of an expert's result; 0 where it does not see the row.</summary>
    public float WeightOf(int row, int expert) => _weights[row, expert];

    /// <summary>Turns the gradient of the weights into that of the scores, in place: softmax's w · (d − Σ w · d) over the chosen.</summary>
    public void Backward(Activation gradient)
    {
        for (var row = 0; row < gradient.Rows; row++)
        {
            var d = gradient.Row(row);
            var mean = 0f;
            for (var expert = 0; expert < d.Length; expert++)
                mean += _weights[row, expert] * d[expert];
            for (var expert = 0; expert < d.Length; expert++)
                d[expert] = _weights[row, expert] * (d[expert] - mean);
        }
    }
}
