using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Linear attention by the gated delta rule, see <see cref="DeltaSpec"/>.</summary>
internal sealed class GatedDelta : Mixer
{
    // Under the root of a query's or key's length.
    private const float LengthEpsilon = 1e-6f;

    private readonly DeltaSpec _spec;
    private readonly Linear[] _projections;
    private readonly Convolution _convolution;
    private readonly Parameter _decay;
    private readonly Parameter _decayBias;
    private readonly Norm _norm;
    private readonly Linear _output;
    private readonly ActivationFunction _silu = ActivationFunction.Of(ActivationKind.Silu);
    private readonly string[] _entryNames;
    private readonly string[] _outputName;
    private readonly (int[] First, int[] Second) _order;

    /// <summary>Binds the parameters.</summary>
    public GatedDelta(DeltaSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _projections = [.. spec.Projections.Select(projection => new Linear(projection, parameters))];
        _convolution = new Convolution(spec.Convolution, parameters);
        _decay = parameters.Get(spec.Decay, spec.ValueHeads);
        _decayBias = parameters.Get(spec.DecayBias, spec.ValueHeads);
        _norm = new Norm(spec.Norm, parameters);
        _output = new Linear(spec.Output, parameters);
        _entryNames = [.. _projections.Select(projection => projection.Name)];
        _outputName = [_output.Name];
        _order = spec.IsByKeyHead ? spec.Order() : ([], []);
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules =>
        [.. _projections.Select(projection => projection.Description), .. _norm.Descriptions, _output.Description];

    private int Mixed => 2 * _spec.KeyWidth + _spec.ValueWidth;

    private float Scale => 1 / MathF.Sqrt(_spec.KeySize);

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x)
    {
        pass.Observe(_entryNames, x);
        using var parts = Parts.Of(this, pass, Array.ConvertAll(_projections, projection => projection.Forward(pass, x)));
        using var mixed = _convolution.Forward(pass, parts.Mixed);
        using var heads = _silu.Forward(pass, mixed);
        using var result = pass.RentZeros(x.Rows, _spec.ValueWidth);
        var head = new Heads(this, pass, heads, parts);
        pass.For(pass.Layout.Sequences.Count * _spec.KeyHeads, piece =>
        {
            var (sequence, keyHead) = (pass.Layout.Sequences[piece / _spec.KeyHeads], piece % _spec.KeyHeads);
            foreach (var valueHead in ValueHeadsOf(keyHead))
                new DeltaRule(_spec.KeySize, _spec.ValueSize, sequence).Forward(head.At(valueHead), row => ValueOf(result, row, valueHead));
        });
        pass.Tape?.Push(heads);
        pass.Tape?.Push(head.Unit);
        head.Unit.Dispose();
        using var gated = Gate(pass, result, parts.Gates);
        parts.Keep(pass);
        pass.Observe(_outputName, gated);
        return _output.Forward(pass, gated);
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        using var dGated = pass.Rent(dy.Rows, _spec.ValueWidth);
        _output.Backward(pass, dy, dGated, accumulate: false);
        using var parts = Parts.Kept(pass);
        using var gradients = parts.Zeros(pass);
        using var dResult = UndoGate(pass, dGated, parts.Gates, gradients.Gates);
        using var unit = pass.Tape!.Pop();
        using var heads = pass.Tape.Pop();
        using var dHeads = pass.RentZeros(heads.Rows, heads.Channels);
        var own = new Heads(this, heads, parts, unit);
        using var dUnit = pass.RentZeros(unit.Rows, unit.Channels);
        var to = new Heads(this, dHeads, gradients, dUnit);
        pass.For(pass.Layout.Sequences.Count * _spec.KeyHeads, piece =>
        {
            var (sequence, keyHead) = (pass.Layout.Sequences[piece / _spec.KeyHeads], piece % _spec.KeyHeads);
            foreach (var valueHead in ValueHeadsOf(keyHead))
            {
                var (dDecay, dShare) = new DeltaRule(_spec.KeySize, _spec.ValueSize, sequence).Backward(
                    own.At(valueHead), row => ValueOf(dResult, row, valueHead), to.At(valueHead));
                for (var position = 0; position < sequence.Length; position++)
                {
                    gradients.Decays.Row(sequence.Start + position)[valueHead] = dDecay[position];
                    gradients.Shares.Row(sequence.Start + position)[valueHead] = dShare[position];
                }
            }
        });
        UndoUnit(pass, heads, unit, dUnit, dHeads);
        UndoNumbers(pass, parts, gradients);
        _silu.Backward(pass, dHeads);
        using var dMixed = _convolution.Backward(pass, dHeads);
        dMixed.Values.CopyTo(gradients.Mixed.Values);
        return BackThroughProjections(pass, gradients);
    }

    private IEnumerable<int> ValueHeadsOf(int keyHead)
    {
        var group = _spec.ValueHeads / _spec.KeyHeads;
        return Enumerable.Range(keyHead * group, group);
    }

    private Memory<float> ValueOf(Activation rows, int row, int head) =>
        rows.Memory.Values.AsMemory(row * rows.Channels + head * _spec.ValueSize, _spec.ValueSize);

    // norm(result) · silu(z), head by head.
    private Activation Gate(Pass pass, Activation result, Activation gates)
    {
        using var byHead = result.ShareAs(result.Rows * _spec.ValueHeads, _spec.ValueSize);
        int[]? rows = pass.Observer is null ? null : [.. Enumerable.Range(0, byHead.Rows).Select(row => row / _spec.ValueHeads)];
        using var normalised = _norm.Forward(pass, byHead, rows);
        var gated = pass.Rent(result.Rows, result.Channels);
        _silu.Gate(gates.Values, normalised.Values, gated.Values);
        pass.Tape?.Push(normalised);
        return gated;
    }

    private Activation UndoGate(Pass pass, Activation dGated, Activation gates, Activation dGates)
    {
        using var normalised = pass.Tape!.Pop();
        using var dNormalised = pass.Rent(normalised.Rows, normalised.Channels);
        _silu.GateBackward(gates.Values, normalised.Values, dGated.Values, dGates.Values, dNormalised.Values);
        using var dByHead = _norm.Backward(pass, dNormalised);
        return dByHead.ShareAs(dGated.Rows, dGated.Channels);
    }

    // From queries and keys of length 1 (queries scaled) back to those that came out of the convolution: x̂ = x r with r = (x·x + ε)^−½.
    private void UndoUnit(Pass pass, Activation heads, Activation unit, Activation dUnit, Activation dHeads) =>
        pass.ForRows(heads.Rows, (first, end) =>
    {
        for (var row = first; row < end; row++)
        {
            for (var head = 0; head < 2 * _spec.KeyHeads; head++)
            {
                var scale = head < _spec.KeyHeads ? Scale : 1;
                var x = heads.Row(row).Slice(head * _spec.KeySize, _spec.KeySize);
                var gradient = dUnit.Row(row).Slice(head * _spec.KeySize, _spec.KeySize);
                var to = dHeads.Row(row).Slice(head * _spec.KeySize, _spec.KeySize);
                var inverse = 1 / MathF.Sqrt(Reductions.SumOfSquares(x) + LengthEpsilon);
                var along = Reductions.Dot(x, gradient) * inverse * inverse;
                for (var i = 0; i < to.Length; i++)
                    to[i] = scale * inverse * (gradient[i] - x[i] * along);
            }
        }
    });

    // From the gradients of g and β to those of a and b, and of A and d.
    private void UndoNumbers(Pass pass, Parts parts, Parts gradients)
    {
        var (decay, bias) = (_decay.ToSingles(), _decayBias.ToSingles());
        var (dDecay, dBias) = (new double[_spec.ValueHeads], new double[_spec.ValueHeads]);
        for (var row = 0; row < parts.Decays.Rows; row++)
        {
            for (var head = 0; head < _spec.ValueHeads; head++)
            {
                var a = parts.Decays.Row(row)[head] + bias[head];
                var dG = gradients.Decays.Row(row)[head];
                var rate = -MathF.Exp(decay[head]);
                dDecay[head] += dG * rate * Softplus(a);
                var dA = dG * rate * Sigmoid(a);
                dBias[head] += dA;
                gradients.Decays.Row(row)[head] = dA;
                var open = Sigmoid(parts.Shares.Row(row)[head]);
                gradients.Shares.Row(row)[head] *= open * (1 - open);
            }
        }

        _decay.Give(pass, [.. dDecay.Select(value => (float)value)]);
        _decayBias.Give(pass, [.. dBias.Select(value => (float)value)]);
    }

    private Activation BackThroughProjections(Pass pass, Parts gradients)
    {
        var all = gradients.ToProjections(this, pass);
        var dx = pass.Rent(gradients.Mixed.Rows, _spec.Projections[0].Inputs);
        for (var i = all.Length - 1; i >= 0; i--)
        {
            _projections[i].Backward(pass, all[i], dx, accumulate: i < all.Length - 1);
            all[i].Dispose();
        }

        return dx;
    }

    private static float Softplus(float x) => (float)(Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x))));

    private static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));

    /// <summary>
    /// What comes out of the projections: queries with keys and values, z, b (for β) and a (for g), or the gradients of these.
    /// </summary>
    private sealed record Parts(Activation Mixed, Activation Gates, Activation Shares, Activation Decays) : IDisposable
    {
        /// <summary>Takes the projections' results.</summary>
        public static Parts Of(GatedDelta block, Pass pass, Activation[] projected)
        {
            if (!block._spec.IsByKeyHead)
                return new Parts(projected[0], projected[1], projected[2], projected[3]);
            var (rows, mixed, values, heads) = (projected[0].Rows, block.Mixed, block._spec.ValueWidth, block._spec.ValueHeads);
            var parts = new Parts(pass.Rent(rows, mixed), pass.Rent(rows, values), pass.Rent(rows, heads), pass.Rent(rows, heads));
            for (var row = 0; row < rows; row++)
            {
                Pick(projected[0].Row(row), block._order.First.AsSpan(0, mixed), parts.Mixed.Row(row));
                Pick(projected[0].Row(row), block._order.First.AsSpan(mixed), parts.Gates.Row(row));
                Pick(projected[1].Row(row), block._order.Second.AsSpan(0, heads), parts.Shares.Row(row));
                Pick(projected[1].Row(row), block._order.Second.AsSpan(heads), parts.Decays.Row(row));
            }

            foreach (var activation in projected)
                activation.Dispose();
            return parts;
        }

        /// <summary>Takes back what was kept; <see cref="Mixed"/> stands for its size only.</summary>
        public static Parts Kept(Pass pass)
        {
            var (decays, shares, gates) = (pass.Tape!.Pop(), pass.Tape.Pop(), pass.Tape.Pop());
            return new Parts(pass.Tape.Pop(), gates, shares, decays);
        }

        public void Keep(Pass pass)
        {
            pass.Tape?.Push(Mixed);
            pass.Tape?.Push(Gates);
            pass.Tape?.Push(Shares);
            pass.Tape?.Push(Decays);
        }

        public Parts Zeros(Pass pass) => new(Zero(pass, Mixed), Zero(pass, Gates), Zero(pass, Shares), Zero(pass, Decays));

        public Activation[] ToProjections(GatedDelta block, Pass pass)
        {
            if (!block._spec.IsByKeyHead)
                return [Mixed.Share(), Gates.Share(), Shares.Share(), Decays.Share()];
            var (first, second) =
                (pass.Rent(Mixed.Rows, Mixed.Channels + Gates.Channels), pass.Rent(Mixed.Rows, Shares.Channels + Decays.Channels));
            for (var row = 0; row < Mixed.Rows; row++)
            {
                Put(Mixed.Row(row), block._order.First.AsSpan(0, Mixed.Channels), first.Row(row));
                Put(Gates.Row(row), block._order.First.AsSpan(Mixed.Channels), first.Row(row));
                Put(Shares.Row(row), block._order.Second.AsSpan(0, Shares.Channels), second.Row(row));
                Put(Decays.Row(row), block._order.Second.AsSpan(Shares.Channels), second.Row(row));
            }

            return [first, second];
        }

        public void Dispose()
        {
            Mixed.Dispose();
            Gates.Dispose();
            Shares.Dispose();
            Decays.Dispose();
        }

        private static Activation Zero(Pass pass, Activation like) => pass.RentZeros(like.Rows, like.Channels);

        private static void Pick(ReadOnlySpan<float> from, ReadOnlySpan<int> order, Span<float> to)
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = from[order[i]];
        }

        private static void Put(ReadOnlySpan<float> from, ReadOnlySpan<int> order, Span<float> to)
        {
            for (var i = 0; i < from.Length; i++)
                to[order[i]] = from[i];
        }
    }

    /// <summary>
    /// The inputs of the rule by head, or their gradients: queries and keys of length 1, values, and the numbers of each position.
    /// </summary>
    private sealed class Heads
    {
        private readonly GatedDelta _block;
        private readonly Activation _heads;
        private readonly Parts _parts;
        private readonly float[] _decay;
        private readonly float[] _decayBias;

        /// <summary>Brings queries and keys to length 1.</summary>
        public Heads(GatedDelta block, Pass pass, Activation heads, Parts parts)
            : this(block, heads, parts, pass.Rent(heads.Rows, 2 * block._spec.KeyWidth))
        {
            var spec = block._spec;
            pass.ForRows(heads.Rows, (first, end) =>
            {
                for (var row = first; row < end; row++)
                {
                    for (var head = 0; head < 2 * spec.KeyHeads; head++)
                    {
                        var x = heads.Row(row).Slice(head * spec.KeySize, spec.KeySize);
                        var inverse = 1 / MathF.Sqrt(Reductions.SumOfSquares(x) + LengthEpsilon);
                        TensorPrimitives.Multiply(
                            x,
                            head < spec.KeyHeads ? inverse * block.Scale : inverse,
                            Unit.Row(row).Slice(head * spec.KeySize, spec.KeySize));
                    }
                }
            });
        }

        public Heads(GatedDelta block, Activation heads, Parts parts, Activation unit)
        {
            (_block, _heads, _parts, Unit) = (block, heads, parts, unit);
            (_decay, _decayBias) = (block._decay.ToSingles(), block._decayBias.ToSingles());
        }

        /// <summary>Queries, then keys.</summary>
        public Activation Unit { get; }

        public DeltaRule.Position At(int valueHead)
        {
            var spec = _block._spec;
            var keyHead = valueHead / (spec.ValueHeads / spec.KeyHeads);
            return row => (
                Part(Unit, row, keyHead * spec.KeySize, spec.KeySize),
                Part(Unit, row, spec.KeyWidth + keyHead * spec.KeySize, spec.KeySize),
                Part(_heads, row, 2 * spec.KeyWidth + valueHead * spec.ValueSize, spec.ValueSize),
                MathF.Exp(-MathF.Exp(_decay[valueHead]) * Softplus(_parts.Decays.Row(row)[valueHead] + _decayBias[valueHead])),
                Sigmoid(_parts.Shares.Row(row)[valueHead]));
        }

        private static Memory<float> Part(Activation rows, int row, int channel, int channels) =>
            rows.Memory.Values.AsMemory(row * rows.Channels + channel, channels);
    }
}
