using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>The function xIELU with its two learned slopes, see <see cref="LearnedActivationSpec"/>.</summary>
internal sealed class LearnedActivation
{
    private readonly Parameter _positive;
    private readonly Parameter _negative;
    private readonly float _beta;
    private readonly float _epsilon;

    /// <summary>Binds the parameters.</summary>
    public LearnedActivation(LearnedActivationSpec spec, ParameterSet parameters)
    {
        _negative = parameters.Get(spec.Negative, 1L);
        _positive = parameters.Get(spec.Positive, 1L);
        _beta = parameters.Constant(spec.Beta)[0];
        _epsilon = parameters.Constant(spec.Epsilon)[0];
    }

    private float Positive => Softplus(_positive.ToSingles()[0]);

    private float Negative => _beta + Softplus(_negative.ToSingles()[0]);

    /// <summary>f(x) on all rows; keeps x.</summary>
    public Activation Forward(Pass pass, Activation x)
    {
        var h = pass.Rent(x.Rows, x.Channels);
        var (positive, negative) = (Positive, Negative);
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                var from = x.Row(row);
                var to = h.Row(row);
                for (var i = 0; i < to.Length; i++)
                    to[i] = (from[i] > 0 ? positive * from[i] * from[i] : negative * Below(from[i])) + _beta * from[i];
            }
        });
        pass.Tape?.Push(x);
        return h;
    }

    /// <summary>Turns dh into dx in place, and hands out the slopes' gradients.</summary>
    public void Backward(Pass pass, Activation gradient)
    {
        using var x = pass.Tape!.Pop();
        var (positive, negative) = (Positive, Negative);
        using var sums = new RowSums(pass, x.Rows, 2);
        pass.ForRows(x.Rows, (first, end) =>
        {
            var sum = sums.PieceOf(first);
            for (var row = first; row < end; row++)
            {
                var from = x.Row(row);
                var d = gradient.Row(row);
                for (var i = 0; i < d.Length; i++)
                {
                    if (from[i] > 0)
                    {
                        sum[0] += d[i] * from[i] * from[i];
                        d[i] *= 2 * positive * from[i] + _beta;
                    }
                    else
                    {
                        sum[1] += d[i] * Below(from[i]);
                        d[i] *= negative * ((from[i] < _epsilon ? MathF.Exp(from[i]) : 0) - 1) + _beta;
                    }
                }
            }
        });
        var total = sums.Total();
        _negative.Give(pass, [total[1] * Sigmoid(_negative.ToSingles()[0])]);
        _positive.Give(pass, [total[0] * Sigmoid(_positive.ToSingles()[0])]);
    }

    private float Below(float x) => (float)(Math.Exp(Math.Min(x, _epsilon)) - 1 - x);

    private static float Softplus(float x) => (float)(Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x))));

    private static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));
}
