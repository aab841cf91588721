using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// A sparse mixture: each row goes to the experts with the highest router scores. Its result is their results weighted by the softmax over
/// the scores of the chosen ones, which equals the renormalised softmax over all.
/// </summary>
internal sealed class Mixture : FeedForward
{
    private readonly Linear _router;
    private readonly Mlp[] _experts;
    private readonly int _perToken;
    private readonly string[] _routerName;

    /// <summary>Binds the parameters.</summary>
    public Mixture(MixtureSpec spec, ParameterSet parameters)
    {
        _router = new Linear(spec.Router, parameters);
        _experts = [.. spec.Experts.Select(expert => new Mlp(expert, parameters))];
        _perToken = spec.PerToken;
        _routerName = [_router.Name];
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules => [_router.Description, .. _experts.SelectMany(expert => expert.Modules)];

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x, int[] batchRows)
    {
        pass.Observe(_routerName, x, batchRows);
        Routing routing;
        using (var scores = _router.Forward(pass, x))
            routing = Routing.Choose(scores, _perToken);
        var y = pass.RentZeros(x.Rows, x.Channels);
        for (var expert = 0; expert < _experts.Length; expert++)
        {
            var rows = routing.RowsOf(expert);
            using var own = Gather(pass, x, rows);
            using var result = _experts[expert].Forward(pass, own, [.. rows.Select(row => batchRows[row])]);
            for (var i = 0; i < rows.Length; i++)
                TensorPrimitives.MultiplyAdd(result.Row(i), routing.WeightOf(rows[i], expert), y.Row(rows[i]), y.Row(rows[i]));
            pass.Tape?.Push(result);
        }

        pass.Tape?.PushFacts(routing);
        return y;
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        var routing = pass.Tape!.PopFacts<Routing>();
        var dx = pass.RentZeros(dy.Rows, dy.Channels);
        using var dWeights = pass.RentZeros(dy.Rows, _experts.Length);
        for (var expert = _experts.Length - 1; expert >= 0; expert--)
        {
            var rows = routing.RowsOf(expert);
            using var gradient = Gather(pass, dy, rows);
            using (var result = pass.Tape.Pop())
            {
                for (var i = 0; i < rows.Length; i++)
                {
                    dWeights.Row(rows[i])[expert] = Reductions.Dot(result.Row(i), gradient.Row(i));
                    TensorPrimitives.Multiply(gradient.Row(i), routing.WeightOf(rows[i], expert), gradient.Row(i));
                }
            }

            using var own = _experts[expert].Backward(pass, gradient);
            for (var i = 0; i < rows.Length; i++)
                TensorPrimitives.Add(dx.Row(rows[i]), own.Row(i), dx.Row(rows[i]));
        }

        routing.Backward(dWeights);
        _router.Backward(pass, dWeights, dx, accumulate: true);
        return dx;
    }

    private static Activation Gather(Pass pass, Activation from, int[] rows)
    {
        var gathered = pass.Rent(rows.Length, from.Channels);
        for (var i = 0; i < rows.Length; i++)
            from.Row(rows[i]).CopyTo(gathered.Row(i));
        return gathered;
    }
}
