using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>
/// Linear attention by the gated delta rule, see <see cref="DeltaSpec"/>, position by position for all sequences and heads at once.
/// </summary>
internal sealed class DeviceGatedDelta : DeviceMixer
{
    private const double LengthEpsilon = 1e-6;

    private readonly DeltaSpec _spec;
    private readonly DeviceLinear[] _projections;
    private readonly DeviceConvolution _convolution;
    private readonly DeviceParameter _decay;
    private readonly DeviceParameter _decayBias;
    private readonly DeviceNorm _norm;
    private readonly DeviceLinear _output;
    private readonly string[] _entryNames;

    /// <summary>Binds the parameters.</summary>
    public DeviceGatedDelta(DeltaSpec spec, ModelPart part)
    {
        _spec = spec;
        _projections = [.. spec.Projections.Select(projection => new DeviceLinear(projection, part))];
        _convolution = new DeviceConvolution(spec.Convolution, part);
        _decay = part.Get(spec.Decay, spec.ValueHeads);
        _decayBias = part.Get(spec.DecayBias, spec.ValueHeads);
        _norm = new DeviceNorm(spec.Norm, part);
        _output = new DeviceLinear(spec.Output, part);
        _entryNames = [.. _projections.Select(projection => projection.Name)];
    }

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        pass.Observe(_entryNames, x);
        var (mixed, gates, shares, decays) = Parts(Array.ConvertAll(_projections, projection => projection.Forward(pass, x)));
        var piece = pass.Piece;
        var (sequences, length, rows) = (piece.Count, piece.Length, (int)x.shape[0]);
        var heads = DeviceFunctions.Apply(ActivationKind.Silu, _convolution.Forward(piece.BySequence(mixed)));
        var query = PerValueHead(Unit(heads.narrow(2, 0, _spec.KeyWidth))) * (1 / Math.Sqrt(_spec.KeySize));
        var key = PerValueHead(Unit(heads.narrow(2, _spec.KeyWidth, _spec.KeyWidth)));
        var value = heads.narrow(2, 2 * _spec.KeyWidth, _spec.ValueWidth).reshape(sequences, length, _spec.ValueHeads, _spec.ValueSize);
        var fade = (-_decay.Value.exp() * DeviceFunctions.Softplus(piece.BySequence(decays) + _decayBias.Value)).exp();
        var result = piece.Unpadded(
            Rule(query, key, value, fade, piece.BySequence(shares).sigmoid()).reshape(sequences, length, _spec.ValueWidth));
        var normalised = _norm.Forward(
            pass,
            result.reshape(rows * _spec.ValueHeads, _spec.ValueSize),
            () => [.. piece.BatchRows.SelectMany(row => Enumerable.Repeat(row, _spec.ValueHeads))]);
        var gated = normalised.reshape(rows, _spec.ValueWidth) * DeviceFunctions.Apply(ActivationKind.Silu, gates);
        pass.Observe([_output.Name], gated);
        return _output.Forward(pass, gated).MoveToOuterDisposeScope();
    }

    // [sequences, length, heads, size] to the answers.
    private Tensor Rule(Tensor query, Tensor key, Tensor value, Tensor fade, Tensor share)
    {
        var state = zeros([query.shape[0], _spec.ValueHeads, _spec.KeySize, _spec.ValueSize], ScalarType.Float32, query.device);
        var answers = new List<Tensor>();
        for (var position = 0; position < query.shape[1]; position++)
        {
            var (q, k) = (query.select(1, position).unsqueeze(2), key.select(1, position).unsqueeze(2));
            state = state * fade.select(1, position).unsqueeze(2).unsqueeze(3);
            var error = value.select(1, position).unsqueeze(2) - k.matmul(state);
            state = state + k.transpose(2, 3).matmul(error * share.select(1, position).unsqueeze(2).unsqueeze(3));
            answers.Add(q.matmul(state).squeeze(2));
        }

        return stack(answers, 1);
    }

    // Queries or keys of length 1, [sequences, length, key heads, size].
    private Tensor Unit(Tensor x)
    {
        var heads = x.reshape(x.shape[0], x.shape[1], _spec.KeyHeads, _spec.KeySize);
        return heads * ((heads * heads).sum(3, true) + LengthEpsilon).rsqrt();
    }

    private Tensor PerValueHead(Tensor heads)
    {
        var group = _spec.ValueHeads / _spec.KeyHeads;
        return heads.unsqueeze(3).expand(heads.shape[0], heads.shape[1], _spec.KeyHeads, group, _spec.KeySize)
            .reshape(heads.shape[0], heads.shape[1], _spec.ValueHeads, _spec.KeySize);
    }

    private (Tensor Mixed, Tensor Gates, Tensor Shares, Tensor Decays) Parts(Tensor[] projected)
    {
        if (!_spec.IsByKeyHead)
            return (projected[0], projected[1], projected[2], projected[3]);
        var (first, second) = _spec.Order();
        var mixed = 2 * _spec.KeyWidth + _spec.ValueWidth;
        var (all, numbers) = (
            projected[0].index_select(1, RowIndex.Of(first, projected[0].device)),
                projected[1].index_select(1, RowIndex.Of(second, projected[1].device)));
        return (
            all.narrow(1, 0, mixed),
            all.narrow(1, mixed, _spec.ValueWidth),
            numbers.narrow(1, 0, _spec.ValueHeads),
            numbers.narrow(1, _spec.ValueHeads, _spec.ValueHeads));
    }
}
