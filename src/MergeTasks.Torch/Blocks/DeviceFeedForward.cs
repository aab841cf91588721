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
            pass.Observe(_entryNames, x, rowsOf);
            var h = Inner(pass, x);
            pass.Observe(_downName, h, rowsOf);
            return _down.Forward(pass, h);
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
            pass.Observe(_routerName, x, rowsOf);
            var (scores, chosen) = _router.Forward(pass, x).topk(_perToken, 1);
            var weights = scores.softmax(1).reshape(-1);
            var choices = HostCopies.Integers(chosen);
            var y = zeros_like(x);
            for (var expert = 0; expert < _experts.Length; expert++)
            {
                // An expert that no row chose runs too, on no rows, so that its parameters have gradients of zero.
                var places = Enumerable.Range(0, choices.Length).Where(place => choices[place] == expert).ToArray();
                var rows = Array.ConvertAll(places, place => place / _perToken);
                var index = RowIndex.Of(rows, x.device);
                var result = _experts[expert].Forward(pass, x.index_select(0, index), () => RowsOf(rows));
                var weighted = result * weights.index_select(0, RowIndex.Of(places, x.device)).unsqueeze(1);
                y = y.index_add(0, index, weighted, 1);
            }

            return y;

            int[] RowsOf(int[] rows)
            {
                var all = rowsOf?.Invoke() ?? pass.Piece.BatchRows;
                return Array.ConvertAll(rows, row => all[row]);
            }
        }
    }
}
