using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>Chooses each row's experts, and weighs them.</summary>
internal sealed class DeviceRouter
{
    private readonly RoutingSpec _spec;
    private readonly DeviceLinear _scores;
    private readonly float[]? _correction;
    private readonly DeviceParameter? _scales;
    private readonly DeviceNorm? _norm;
    private readonly string[] _name;

    /// <summary>Binds the parameters.</summary>
    public DeviceRouter(MixtureSpec spec, ModelPart part)
    {
        _spec = spec.Routing;
        _scores = new DeviceLinear(spec.Router, part);
        _correction = _spec.Correction is { } correction
            ? part.Constant(correction, _spec.CorrectionIsRow ? [1, spec.Router.Outputs] : [spec.Router.Outputs])
            : null;
        _scales = _spec.Scales is { } scales ? part.Get(scales, spec.Router.Outputs) : null;
        _norm = DeviceNorm.Of(spec.RouterNorm, part);
        _name = [_scores.Name];
    }

    /// <summary>Weights and experts, [rows, experts per row].</summary>
    public (Tensor Weights, Tensor Chosen) Forward(DevicePass pass, Tensor x, Func<int[]>? rowsOf)
    {
        using var scope = NewDisposeScope();
        var seen = _norm?.Forward(pass, x, rowsOf) ?? x;
        pass.Observe(_name, seen, rowsOf);
        var scores = _scores.Forward(pass, seen);
        var (weights, chosen) = _spec.Function == RouterFunction.SparseMixer ? Mixed(scores) : Weighed(scores);
        return (weights.MoveToOuterDisposeScope(), chosen.MoveToOuterDisposeScope());
    }

    private (Tensor Weights, Tensor Chosen) Weighed(Tensor scores)
    {
        var values = _spec.Function == RouterFunction.Sigmoid ? scores.sigmoid() : scores.softmax(1);
        var chosen = Choice(scores.detach(), values.detach());
        var weights = values.gather(1, chosen);
        if (_spec.Renormalised is { } added)
            weights = weights / (weights.sum(1, true) + added).clamp(min: _spec.SmallestSum);
        weights = weights * _spec.Factor;
        return (_scales is null ? weights : weights * _scales.Value.unsqueeze(0).expand(scores.shape).gather(1, chosen), chosen);
    }

    // Without a correction the order of scores is that of their values, and finer.
    private Tensor Choice(Tensor scores, Tensor values)
    {
        var ranking = _correction is not null ? values + tensor(_correction).to(values.device) : _spec.Groups > 1 ? values : scores;
        if (_spec.Groups > 1)
        {
            var (rows, perGroup) = (ranking.shape[0], ranking.shape[1] / _spec.Groups);
            var ranks = ranking.reshape(rows, _spec.Groups, perGroup).topk(_spec.RankingWeights, 2).values.sum(2);
            var closed = Closed(ranks).unsqueeze(2).expand(rows, _spec.Groups, perGroup);
            ranking = ranking.masked_fill(closed.reshape(rows, -1) > 0.5, float.NegativeInfinity);
        }

        return ranking.topk(_spec.PerToken, 1).indexes;
    }

    // 1 for groups that are not among the best, 0 for those that are.
    private Tensor Closed(Tensor ranks)
    {
        var best = ranks.topk(_spec.ChosenGroups, 1).indexes;
        return ones_like(ranks).scatter_(1, best, zeros(best.shape, ScalarType.Float32, ranks.device));
    }

    private (Tensor Weights, Tensor Chosen) Mixed(Tensor scores)
    {
        var (left, weights, chosen) = (scores, new List<Tensor>(), new List<Tensor>());
        for (var i = 0; i < _spec.PerToken; i++)
        {
            var (best, index) = left.detach().max(1, true);
            var far = (best - scores.detach()) / maximum(scores.detach().abs(), best) > _spec.Tolerance;
            weights.Add(left.masked_fill(far, float.NegativeInfinity).softmax(1).gather(1, index));
            chosen.Add(index);
            left = left.scatter(1, index, full_like(best, float.NegativeInfinity));
        }

        return (cat(weights, 1), cat(chosen, 1));
    }
}
