using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>What gives an attention's heads their queries, keys and values.</summary>
internal abstract class DeviceHeadInputs
{
    /// <summary>Binds the parameters.</summary>
    public static DeviceHeadInputs Of(AttentionSpec spec, ModelPart part) =>
        spec.Latent is { } latent ? new LatentHeads(latent, spec.Heads, part) : new ProjectedHeads(spec.Projections, spec.ValuesAreKeys, part);

    /// <summary>The tensors that <see cref="HeadChannels.Projection"/> counts.</summary>
    public abstract Tensor[] Forward(DevicePass pass, Tensor x);

    /// <summary>Projections of the layer's input.</summary>
    private sealed class ProjectedHeads : DeviceHeadInputs
    {
        private readonly DeviceLinear[] _projections;
        private readonly string[] _names;
        private readonly bool _valuesAreKeys;

        public ProjectedHeads(IReadOnlyList<LinearSpec> specs, bool valuesAreKeys, ModelPart part)
        {
            _valuesAreKeys = valuesAreKeys;
            _projections = [.. specs.Select(spec => new DeviceLinear(spec, part))];
            _names = [.. _projections.Select(projection => projection.Name)];
        }

        public override Tensor[] Forward(DevicePass pass, Tensor x)
        {
            pass.Observe(_names, x);
            var projected = Array.ConvertAll(_projections, projection => projection.Forward(pass, x));
            return _valuesAreKeys ? [.. projected, projected[^1]] : projected;
        }
    }

    /// <summary>Projections through latents, see <see cref="LatentSpec"/>.</summary>
    private sealed class LatentHeads : DeviceHeadInputs
    {
        private readonly LatentSpec _spec;
        private readonly int _heads;
        private readonly DeviceLinear? _queryDown;
        private readonly DeviceNorm? _queryNorm;
        private readonly DeviceLinear _queryUp;
        private readonly DeviceLinear _down;
        private readonly DeviceNorm _norm;
        private readonly DeviceLinear _up;

        public LatentHeads(LatentSpec spec, int heads, ModelPart part)
        {
            _spec = spec;
            _heads = heads;
            _queryDown = spec.QueryDown is null ? null : new DeviceLinear(spec.QueryDown, part);
            _queryNorm = DeviceNorm.Of(spec.QueryNorm, part);
            _queryUp = new DeviceLinear(spec.QueryUp, part);
            _down = new DeviceLinear(spec.Down, part);
            _norm = new DeviceNorm(spec.Norm, part);
            _up = new DeviceLinear(spec.Up, part);
        }

        public override Tensor[] Forward(DevicePass pass, Tensor x)
        {
            pass.Observe([(_queryDown ?? _queryUp).Name, _down.Name], x);
            var query = Query(pass, x);
            var both = _down.Forward(pass, x);
            var (rows, latent) = (x.shape[0], _spec.Up.Inputs);
            var normalised = _norm.Forward(pass, both.narrow(1, 0, latent));
            pass.Observe([_up.Name], normalised);
            var values = _up.Forward(pass, normalised);
            var plain = values.reshape(rows, _heads, -1).narrow(2, 0, _spec.Plain);
            var rotated = both.narrow(1, latent, _spec.Rotated).unsqueeze(1).expand(rows, _heads, _spec.Rotated);
            return [query, cat([plain, rotated], 2).reshape(rows, -1), values];
        }

        private Tensor Query(DevicePass pass, Tensor x)
        {
            if (_queryDown is null)
                return _queryUp.Forward(pass, x);
            var normalised = _queryNorm!.Forward(pass, _queryDown.Forward(pass, x));
            pass.Observe([_queryUp.Name], normalised);
            return _queryUp.Forward(pass, normalised);
        }
    }
}
