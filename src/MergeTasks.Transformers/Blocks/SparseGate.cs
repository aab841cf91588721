using System.Numerics.Tensors;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// Each row's largest values, less what a share of them would not exceed were they normally distributed: max(x − mean − deviation ·
/// Φ⁻¹(share), 0).
/// </summary>
/// <param name="share">The share, above 0 and below 1.</param>
internal sealed class SparseGate(double share)
{
    private readonly float _deviations = (float)Quantile(share);

    /// <summary>Φ⁻¹, the number that a normally distributed one does not exceed with a probability.</summary>
    /// <param name="probability">Above 0 and below 1.</param>
    public static double Quantile(double probability)
    {
        // Halved to the last bit: Φ is monotonous, and its series is exact to double precision in this range.
        var (low, high) = (-8.0, 8.0);
        for (var step = 0; step < 64; step++)
        {
            var middle = (low + high) / 2;
            if (Distribution(middle) < probability)
                low = middle;
            else
                high = middle;
        }

        return (low + high) / 2;
    }

    /// <summary>The sparse rows; keeps x.</summary>
    public Activation Forward(Pass pass, Activation x)
    {
        var y = pass.Rent(x.Rows, x.Channels);
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                TensorPrimitives.Subtract(x.Row(row), Limit(x.Row(row), out _, out _), y.Row(row));
                TensorPrimitives.Max(y.Row(row), 0f, y.Row(row));
            }
        });
        pass.Tape?.Push(x);
        return y;
    }

    /// <summary>
    /// Turns dy into dx in place: dx = a − Σa · (1/n + deviations · (x − mean) / (n · deviation)), where a is dy above the limit, else 0.
    /// </summary>
    public void Backward(Pass pass, Activation gradient)
    {
        using var x = pass.Tape!.Pop();
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                var from = x.Row(row);
                var d = gradient.Row(row);
                var limit = Limit(from, out var mean, out var deviation);
                for (var i = 0; i < d.Length; i++)
                    d[i] = from[i] > limit ? d[i] : 0;
                var sum = Reductions.Sum(d);
                for (var i = 0; i < d.Length; i++)
                    d[i] -= sum / d.Length * (1 + (deviation > 0 ? _deviations * (from[i] - mean) / deviation : 0));
            }
        });
    }

    private float Limit(ReadOnlySpan<float> row, out float mean, out float deviation)
    {
        mean = Reductions.Sum(row) / row.Length;
        var squares = 0.0;
        foreach (var value in row)
            squares += (double)(value - mean) * (value - mean);
        deviation = (float)Math.Sqrt(squares / row.Length);
        return mean + deviation * _deviations;
    }

    // Φ(x) = 1/2 + φ(x) (x + x³/3 + x⁵/(3·5) + …).
    private static double Distribution(double x)
    {
        var (term, sum) = (x, x);
        for (var odd = 3; Math.Abs(term) > 1e-18 * Math.Abs(sum); odd += 2)
            sum += term *= x * x / odd;
        return 0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }
}
