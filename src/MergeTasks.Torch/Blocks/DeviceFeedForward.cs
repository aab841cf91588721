using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>The part of a layer that treats every row by itself.</summary>
internal abstract class DeviceFeedForward
{
    /// <summary>Binds the parameters.</summary>
    public static DeviceFeedForward Of(FeedForwardSpec spec, ModelPart part) => spec switch
    {
        MlpSpec mlp => new Mlp(mlp, part),
        MixtureSpec mixture => new Mixture(mixture, part),
        _ => throw new ArgumentOutOfRangeException(nameof(spec), spec, null),
    };

    /// <summary>Computes the result for each row.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="x">The rows.</param>
    /// <param name="rowsOf">The batch's row of each; null: the piece's rows.</param>
    public abstract Tensor Forward(DevicePass pass, Tensor x, Func<int[]>? rowsOf = null);

    /// <summary>down(f(up(x))), or with a gate down(f(gate(x)) · up(x)).</summary>
    private sealed class Mlp : DeviceFeedForward
    {
        private readonly MlpSpec _spec;
        private readonly DeviceLinear? _gate;
        private readonly DeviceLinear _up;
        private readonly DeviceLinear _down;
        private readonly string[] _entryNames;
        private readonly string[] _downName;

        public Mlp(MlpSpec spec, ModelPart part)
        {
            _spec = spec;
            _gate = spec.Gate is null ? null : new DeviceLinear(spec.Gate, part);
            _up = new DeviceLinear(spec.Up, part);
            _down = new DeviceLinear(spec.Down, part);
            _entryNames = _gate is null ? [_up.Name] : [_gate.Name, _up.Name];
            _downName = [_down.Name];
        }

        public override Tensor Forward(DevicePass pass, Tensor x, Func<int[]>? rowsOf = null)
        {
            using var scope = NewDisposeScope();
            pass.Observe(_entryNames, x, rowsOf);
            var h = Inner(pass, x);
            pass.Observe(_downName, h, rowsOf);
            return _down.Forward(pass, h).MoveToOuterDisposeScope();
        }

        private Tensor Inner(DevicePass pass, Tensor x)
        {
            using var scope = NewDisposeScope();
            var up = _up.Forward(pass, x);
            var inner = _spec.Down.Inputs;
            var h = _gate is not null ? DeviceFunctions.Apply(_spec.Activation, _gate.Forward(pass, x)) * up
                : _spec.GateInUp ? DeviceFunctions.Apply(_spec.Activation, up.narrow(1, 0, inner)) * up.narrow(1, inner, inner)
                : DeviceFunctions.Apply(_spec.Activation, up);
            return h.MoveToOuterDisposeScope();
        }
    }

    /// <summary>Each row goes to the experts with the highest router scores, weighted by the softmax over those scores.</summary>
    private sealed class Mixture : DeviceFeedForward
    {
        private readonly DeviceLinear _router;
        private readonly Mlp[] _experts;
        private readonly int _perToken;
        private readonly string[] _routerName;

        public Mixture(MixtureSpec spec, ModelPart part)
        {
            _router = new DeviceLinear(spec.Router, part);
            _experts = [.. spec.Experts.Select(expert => new Mlp(expert, part))];
            _perToken = spec.PerToken;
            _routerName = [_router.Name];
        }

        public override Tensor Forward(DevicePass pass, Tensor x, Func<int[]>? rowsOf = null)
        {
            using var scope = NewDisposeScope();
            pass.Observe(_routerName, x, rowsOf);
            var (scores, chosen) = _router.Forward(pass, x).topk(_perToken, 1);
            var choices = chosen.reshape(-1);

            // Places, expert by expert and row by row within each. All that the host waits for is how many each expert has.
            var (_, order) = choices.sort(0, stable: true);
            var counts = HostCopies.Integers(zeros([_experts.Length], ScalarType.Int64, x.device).index_add_(0, choices, ones_like(choices), 1));
            var places = pass.Observer is null ? [] : HostCopies.Integers(order);
            var (rows, width) = (x.shape[0], x.shape[1]);

            // Rows are repeated and then put in order, never picked more than once, so that gradients need no sums in any order.
            var inputs = x.unsqueeze(1).expand(rows, _perToken, width).reshape(rows * _perToken, width).index_select(0, order);
            var results = new List<Tensor>();
            var first = 0;
            for (var expert = 0; expert < _experts.Length; expert++)
            {
                // An expert that no row chose runs too, on no rows, so that its parameters have gradients of zero.
                var (start, count) = (first, (int)counts[expert]);
                results.Add(_experts[expert].Forward(pass, inputs.narrow(0, start, count), () => RowsOf(places.AsSpan(start, count))));
                first += count;
            }

            var weighted = cat(results, 0) * scores.softmax(1).reshape(-1).index_select(0, order).unsqueeze(1);
            var back = order.argsort();
            return weighted.index_select(0, back).reshape(rows, _perToken, width).sum(1).MoveToOuterDisposeScope();

            int[] RowsOf(ReadOnlySpan<long> places)
            {
                var all = rowsOf?.Invoke() ?? pass.Piece.BatchRows;
                var own = new int[places.Length];
                for (var i = 0; i < own.Length; i++)
                    own[i] = all[places[i] / _perToken];
                return own;
            }
        }
    }
}
