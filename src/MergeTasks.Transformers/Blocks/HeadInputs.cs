using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>What gives an attention's heads their queries, keys and values.</summary>
internal abstract class HeadInputs
{
    /// <summary>The modules, in the order of computation.</summary>
    public abstract IEnumerable<ModuleDescription> Modules { get; }

    /// <summary>Binds the parameters.</summary>
    public static HeadInputs Of(AttentionSpec spec, ParameterSet parameters) =>
        spec.Latent is { } latent ? new LatentHeads(latent, spec.Heads, parameters)
        : new ProjectedHeads(spec.Projections, spec.ValuesAreKeys, parameters);

    /// <summary>The activations that <see cref="HeadChannels.Projection"/> counts.</summary>
    public abstract Activation[] Forward(Pass pass, Activation x);

    /// <summary>Hands out the parameters' gradients and returns that of x.</summary>
    public abstract Activation Backward(Pass pass, Activation[] gradients);

    private static void AddTo(Span<float> to, ReadOnlySpan<float> from) => System.Numerics.Tensors.TensorPrimitives.Add(to, from, to);

    /// <summary>Projections of the layer's input.</summary>
    private sealed class ProjectedHeads(IReadOnlyList<LinearSpec> specs, bool valuesAreKeys, ParameterSet parameters) : HeadInputs
    {
        private readonly Linear[] _projections = [.. specs.Select(spec => new Linear(spec, parameters))];
        private string[]? _names;

        public override IEnumerable<ModuleDescription> Modules => _projections.Select(projection => projection.Description);

        public override Activation[] Forward(Pass pass, Activation x)
        {
            pass.Observe(_names ??= [.. _projections.Select(projection => projection.Name)], x);
            var projected = Array.ConvertAll(_projections, projection => projection.Forward(pass, x));
            if (!valuesAreKeys)
                return projected;
            var values = pass.Rent(x.Rows, projected[^1].Channels);
            projected[^1].Values.CopyTo(values.Values);
            return [.. projected, values];
        }

        public override Activation Backward(Pass pass, Activation[] gradients)
        {
            var dx = pass.Rent(gradients[0].Rows, specs[0].Inputs);
            var last = _projections.Length - 1;
            if (valuesAreKeys)
                AddTo(gradients[last].Values, gradients[last + 1].Values);
            for (var i = last; i >= 0; i--)
                _projections[i].Backward(pass, gradients[i], dx, accumulate: i < last);
            return dx;
        }
    }

    /// <summary>Projections through latents, see <see cref="LatentSpec"/>.</summary>
    private sealed class LatentHeads : HeadInputs
    {
        private readonly LatentSpec _spec;
        private readonly int _heads;
        private readonly Linear? _queryDown;
        private readonly Norm? _queryNorm;
        private readonly Linear _queryUp;
        private readonly Linear _down;
        private readonly Norm _norm;
        private readonly Linear _up;
        private readonly string[] _entryNames;

        public LatentHeads(LatentSpec spec, int heads, ParameterSet parameters)
        {
            _spec = spec;
            _heads = heads;
            _queryDown = spec.QueryDown is null ? null : new Linear(spec.QueryDown, parameters);
            _queryNorm = spec.QueryNorm is null ? null : new Norm(spec.QueryNorm, parameters);
            _queryUp = new Linear(spec.QueryUp, parameters);
            _down = new Linear(spec.Down, parameters);
            _norm = new Norm(spec.Norm, parameters);
            _up = new Linear(spec.Up, parameters);
            _entryNames = [(_queryDown ?? _queryUp).Name, _down.Name];
        }

        public override IEnumerable<ModuleDescription> Modules =>
        [
            .. _queryDown is null ? Array.Empty<ModuleDescription>() : [_queryDown.Description],
            .. _queryNorm?.Descriptions ?? [],
            _queryUp.Description,
            _down.Description,
            .. _norm.Descriptions,
            _up.Description,
        ];

        private int Latent => _spec.Up.Inputs;

        private int Value => _spec.Up.Outputs / _heads - _spec.Plain;

        private int Key => _spec.Plain + _spec.Rotated;

        public override Activation[] Forward(Pass pass, Activation x)
        {
            pass.Observe(_entryNames, x);
            var query = Query(pass, x);
            using var both = _down.Forward(pass, x);
            using var latent = pass.Rent(x.Rows, Latent);
            pass.ForRows(x.Rows, (first, end) =>
            {
                for (var row = first; row < end; row++)
                    both.Row(row)[..Latent].CopyTo(latent.Row(row));
            });
            using var normalised = _norm.Forward(pass, latent);
            pass.Observe([_up.Name], normalised);
            var values = _up.Forward(pass, normalised);
            var keys = pass.Rent(x.Rows, _heads * Key);
            pass.ForRows(x.Rows, (first, end) =>
            {
                for (var row = first; row < end; row++)
                {
                    for (var head = 0; head < _heads; head++)
                    {
                        var key = keys.Row(row).Slice(head * Key, Key);
                        values.Row(row).Slice(head * (_spec.Plain + Value), _spec.Plain).CopyTo(key);
                        both.Row(row)[Latent..].CopyTo(key[_spec.Plain..]);
                    }
                }
            });
            return [query, keys, values];
        }

        public override Activation Backward(Pass pass, Activation[] gradients)
        {
            var (dQuery, dKeys, dValues) = (gradients[0], gradients[1], gradients[2]);
            using var dBoth = pass.RentZeros(dKeys.Rows, _spec.Down.Outputs);
            pass.ForRows(dKeys.Rows, (first, end) =>
            {
                for (var row = first; row < end; row++)
                {
                    for (var head = 0; head < _heads; head++)
                    {
                        var key = dKeys.Row(row).Slice(head * Key, Key);
                        AddTo(dValues.Row(row).Slice(head * (_spec.Plain + Value), _spec.Plain), key[.._spec.Plain]);
                        AddTo(dBoth.Row(row)[Latent..], key[_spec.Plain..]);
                    }
                }
            });
            using var dNormalised = pass.Rent(dKeys.Rows, Latent);
            _up.Backward(pass, dValues, dNormalised, accumulate: false);
            using var dLatent = _norm.Backward(pass, dNormalised);
            for (var row = 0; row < dLatent.Rows; row++)
                dLatent.Row(row).CopyTo(dBoth.Row(row));
            var dx = pass.Rent(dKeys.Rows, _spec.Down.Inputs);
            _down.Backward(pass, dBoth, dx, accumulate: false);
            BackThroughQuery(pass, dQuery, dx);
            return dx;
        }

        private Activation Query(Pass pass, Activation x)
        {
            if (_queryDown is null)
                return _queryUp.Forward(pass, x);
            using var latent = _queryDown.Forward(pass, x);
            using var normalised = _queryNorm!.Forward(pass, latent);
            pass.Observe([_queryUp.Name], normalised);
            return _queryUp.Forward(pass, normalised);
        }

        private void BackThroughQuery(Pass pass, Activation dQuery, Activation dx)
        {
            if (_queryDown is null)
            {
                _queryUp.Backward(pass, dQuery, dx, accumulate: true);
                return;
            }

            using var dNormalised = pass.Rent(dQuery.Rows, _spec.QueryUp.Inputs);
            _queryUp.Backward(pass, dQuery, dNormalised, accumulate: false);
            using var dLatent = _queryNorm!.Backward(pass, dNormalised);
            _queryDown.Backward(pass, dLatent, dx, accumulate: true);
        }
    }
}
