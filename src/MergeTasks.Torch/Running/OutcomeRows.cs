using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Running;

/// <summary>The scores of some rows: log-probabilities of the outcomes asked for, and their gradient.</summary>
internal sealed class OutcomeRows
{
    private readonly Tensor _scores;
    private readonly int _firstRow;
    private readonly (int Index, RowTarget Target)[] _targets;
    private readonly double[] _logOfSum;

    /// <summary>Takes the largest scores and, in double precision, the sums of exponentials.</summary>
    /// <param name="scores">[rows, outcomes].</param>
    /// <param name="first">The first of all scored rows that these are.</param>
    /// <param name="end">The one after the last.</param>
    /// <param name="targets">All targets; those of other rows are left to others.</param>
    public OutcomeRows(Tensor scores, int first, int end, IReadOnlyList<RowTarget> targets)
    {
        _scores = scores.detach();
        _firstRow = first;
        _targets = [.. targets.Index().Where(target => target.Item.Row >= first && target.Item.Row < end)];
        var largest = _scores.amax([1], true);
        var sums = HostCopies.Doubles((_scores - largest).exp().sum(dim: 1, type: ScalarType.Float64));
        _logOfSum = [.. sums.Zip(HostCopies.Doubles(largest), (sum, offset) => offset + Math.Log(sum))];
    }

    /// <summary>Writes what there is to say of each target, at the target's place.</summary>
    public void Score(TargetScore[] results)
    {
        var wanted = HostCopies.Doubles(_scores.reshape(-1).index_select(0, Places()));
        var best = HostCopies.Integers(_scores.argmax(1));
        for (var i = 0; i < _targets.Length; i++)
        {
            var row = _targets[i].Target.Row - _firstRow;
            results[_targets[i].Index] = new TargetScore(wanted[i] - _logOfSum[row], (int)best[row]);
        }
    }

    /// <summary>∂S/∂score = Σ over the row's targets of weight · ([the target] − probability).</summary>
    public Tensor Gradient()
    {
        var weights = new double[_logOfSum.Length];
        foreach (var (_, target) in _targets)
            weights[target.Row - _firstRow] -= target.Weight;
        var gradient = (_scores - Column(_logOfSum)).exp() * Column(weights);
        var ones = tensor([.. _targets.Select(target => (float)target.Target.Weight)], device: _scores.device);
        gradient.reshape(-1).index_add_(0, Places(), ones, 1);
        return gradient;
    }

    private Tensor Column(double[] values) => tensor(Array.ConvertAll(values, value => (float)value), device: _scores.device).unsqueeze(1);

    private Tensor Places() =>
        tensor(
            [.. _targets.Select(target => (target.Target.Row - _firstRow) * _scores.shape[1] + target.Target.Outcome)],
            device: _scores.device);
}
