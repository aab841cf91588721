using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>
/// A sparse mixture: each row goes to some experts, whose weighted results are added up, with those of an expert for all rows.
/// </summary>
internal sealed class DeviceMixture : DeviceFeedForward
{
    private readonly DeviceRouter _router;
    private readonly RoutingSpec _routing;
    private readonly DeviceNorm? _expertNorm;
    private readonly DeviceMlp[] _experts;
    private readonly DeviceMlp? _shared;
    private readonly DeviceLinear? _sharedGate;
    private readonly DeviceParameter[] _stacks;

    /// <summary>Binds the parameters.</summary>
    public DeviceMixture(MixtureSpec spec, ModelPart part)
    {
        _routing = spec.Routing;
        _router = new DeviceRouter(spec, part);
        _expertNorm = DeviceNorm.Of(spec.ExpertNorm, part);
        _experts = [.. part.ExpertsOf(spec).Select(expert => new DeviceMlp(expert, part))];
        _shared = spec.Shared is null ? null : new DeviceMlp(spec.Shared, part);
        _sharedGate = spec.SharedGate is null ? null : new DeviceLinear(spec.SharedGate, part);
        _stacks = [.. _experts.SelectMany(expert => expert.Stacks).Distinct()];
    }

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x, Func<int[]>? rowsOf = null)
    {
        using var scope = NewDisposeScope();
        foreach (var stack in _stacks)
            pass.Places[stack] = stack.Value.unbind(0);
        var seen = _expertNorm?.Forward(pass, x, rowsOf) ?? x;
        var y = Routed(pass, x, seen, rowsOf);
        foreach (var stack in _stacks)
            pass.Places.Remove(stack);
        return (_shared is null ? y : y + Shared(pass, seen, rowsOf)).MoveToOuterDisposeScope();
    }

    private Tensor Routed(DevicePass pass, Tensor routed, Tensor x, Func<int[]>? rowsOf)
    {
        using var scope = NewDisposeScope();
        var (weights, chosen) = _router.Forward(pass, routed, rowsOf);
        var (choices, perToken) = (chosen.reshape(-1), _routing.PerToken);

        // Places, expert by expert and row by row within each. All that the host waits for is how many each expert has.
        var (_, order) = choices.sort(0, stable: true);
        var counts = HostCopies.Integers(
            zeros([_experts.Length], ScalarType.Int64, x.device).index_add_(0, choices, ones_like(choices), 1));
        var places = pass.Observer is null ? [] : HostCopies.Integers(order);
        var (rows, width) = (x.shape[0], x.shape[1]);

        // Rows are repeated and then put in order, never picked more than once, so that gradients need no sums in any order.
        var inputs = x.unsqueeze(1).expand(rows, perToken, width).reshape(rows * perToken, width).index_select(0, order);
        var shares = weights.reshape(-1).index_select(0, order).unsqueeze(1);
        if (_routing.WeighsInput)
            inputs = inputs * shares;
        var results = new List<Tensor>();
        var first = 0;
        for (var expert = 0; expert < _experts.Length; expert++)
        {
            // An expert that no row chose runs too, on no rows, so that its parameters have gradients of zero.
            var (start, count) = (first, (int)counts[expert]);
            results.Add(_experts[expert].Forward(pass, inputs.narrow(0, start, count), (names, input) => Show(names, input, start, count)));
            first += count;
        }

        var all = cat(results, 0);
        var weighted = _routing.WeighsInput ? all : all * shares;
        var back = order.argsort();
        return weighted.index_select(0, back).reshape(rows, perToken, width).sum(1).MoveToOuterDisposeScope();

        // An expert whose input is weighted sees all rows, those of weight 0 as zeros.
        void Show(string[] names, Tensor input, int start, int count)
        {
            if (pass.Observer is null)
                return;
            var own = places[start..(start + count)].Select(place => place / perToken).ToArray();
            if (!_routing.WeighsInput)
            {
                pass.Observe(names, input, () => [.. own.Select(row => (rowsOf?.Invoke() ?? pass.Piece.BatchRows)[row])]);
                return;
            }

            using var shown = NewDisposeScope();
            var every = zeros([rows, input.shape[1]], ScalarType.Float32, input.device);
            if (count > 0)
                every.index_copy_(0, tensor(own).to(input.device), input.detach());
            pass.Observe(names, every, rowsOf);
        }
    }

    private Tensor Shared(DevicePass pass, Tensor x, Func<int[]>? rowsOf)
    {
        var result = _shared!.Forward(pass, x, rowsOf);
        if (_sharedGate is null)
            return result;
        pass.Observe([_sharedGate.Name], x, rowsOf);
        return result * _sharedGate.Forward(pass, x).sigmoid();
    }
}
