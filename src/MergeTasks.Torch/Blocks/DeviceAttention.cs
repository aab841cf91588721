using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;

namespace MergeTasks.Torch.Blocks;

/// <summary>
/// Multi-head attention: project, clamp, normalise, rotate, attend, gate, project back; every step but the first, the attending and the
/// last optional.
/// </summary>
internal sealed class DeviceAttention : DeviceMixer
{
    private readonly AttentionSpec _spec;
    private readonly DeviceHeadInputs _inputs;
    private readonly DeviceHeadNorm? _queryNorm;
    private readonly DeviceHeadNorm? _keyNorm;
    private readonly DeviceHeadNorm? _valueNorm;
    private readonly DeviceParameter? _table;
    private readonly DeviceParameter? _sinks;
    private readonly DeviceLinear _output;
    private readonly string[] _outputName;

    /// <summary>Binds the parameters.</summary>
    public DeviceAttention(AttentionSpec spec, ModelPart part)
    {
        _spec = spec;
        _inputs = DeviceHeadInputs.Of(spec, part);
        _queryNorm = spec.QueryNorm is null ? null : new DeviceHeadNorm(spec.QueryNorm, spec.Heads, part);
        _keyNorm = spec.KeyNorm is null ? null : new DeviceHeadNorm(spec.KeyNorm, spec.KeyValueHeads, part);
        _valueNorm = spec.ValueNorm is null ? null : new DeviceHeadNorm(spec.ValueNorm, spec.KeyValueHeads, part);
        _table = spec.Bias is DistanceTableSpec table ? part.Get(table.Table, table.Classes, spec.Heads) : null;
        _sinks = spec.Sinks is null ? null : part.Get(spec.Sinks, spec.Heads);
        _output = new DeviceLinear(spec.Output, part);
        _outputName = [_output.Name];
    }

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        var projected = _inputs.Forward(pass, x);
        var gates = TakeGates(projected);
        if (!_spec.ClipsAfterNorms)
            projected = Clipped(projected);
        if (!_spec.NormsAfterRope)
            Normalise(pass, projected);
        if (_spec.ClipsAfterNorms)
            projected = Clipped(projected);
        if (_valueNorm is not null)
            projected[_spec.Value.Projection] = _valueNorm.Forward(pass, projected[_spec.Value.Projection]);
        var query = Rotated(pass, Heads(projected, _spec.Query, _spec.Heads, _spec.HeadSize));
        var (key, value) = KeysAndValues(pass, projected);
        if (_spec.NormsAfterRope)
            (query, key) = (Normalised(pass, _queryNorm, query), Normalised(pass, _keyNorm, key));
        if (_spec.QueryFactor is { } factor)
            query = query * pass.Piece.ByPosition(factor);
        var result = Attend(pass.Piece, query, key, value);
        if (gates is not null)
            result = result * gates.sigmoid();
        pass.Observe(_outputName, result);
        return _output.Forward(pass, result).MoveToOuterDisposeScope();
    }

    // Given and taken ones lie side by side, as the processor's do.
    private (Tensor Key, Tensor Value) KeysAndValues(DevicePass pass, Tensor[] projected)
    {
        if (_spec.Takes is { } source)
        {
            return (
                pass.Take(Attention.KeysOf(source)).reshape(-1, _spec.KeyValueHeads, _spec.HeadSize),
                pass.Take(Attention.ValuesOf(source)).reshape(-1, _spec.KeyValueHeads, _spec.ValueSize));
        }

        var key = Rotated(pass, Heads(projected, _spec.Key, _spec.KeyValueHeads, _spec.HeadSize));
        var value = Heads(projected, _spec.Value, _spec.KeyValueHeads, _spec.ValueSize);
        if (_spec.Gives is { } name)
        {
            // What is given is what is attended to, so that its gradients meet.
            (key, value) = (key.reshape(key.shape[0], -1), value.reshape(value.shape[0], -1));
            pass.Give(Attention.KeysOf(name), key);
            pass.Give(Attention.ValuesOf(name), value);
            (key, value) = (key.reshape(-1, _spec.KeyValueHeads, _spec.HeadSize), value.reshape(-1, _spec.KeyValueHeads, _spec.ValueSize));
        }

        return (key, value);
    }

    private Tensor Attend(BatchPiece piece, Tensor query, Tensor key, Tensor value)
    {
        using var scope = NewDisposeScope();
        var (queries, keys, values) = (piece.Padded(query), piece.Padded(key), piece.Padded(value));
        var isPlain = _spec.ScoreCap is null && _spec.Bias is null && _sinks is null;
        var attended = isPlain ? Fused(piece, queries, keys, values) : Composed(piece, queries, keys, values);
        return piece.Packed(attended).MoveToOuterDisposeScope();
    }

    // The library's own kernel holds no matrix of scores (arXiv 2205.14135). It scales scores by 1/√head size, and takes a key head for
    // each query head.
    private Tensor Fused(BatchPiece piece, Tensor queries, Tensor keys, Tensor values)
    {
        var scale = _spec.Scale * Math.Sqrt(_spec.HeadSize);
        if (Math.Abs(scale - 1) > 1e-12)
            queries = queries * scale;
        var isCausal = piece.IsCausalAlone(_spec);
        return nn.functional.scaled_dot_product_attention(
            queries, PerQueryHead(keys), PerQueryHead(values), isCausal ? null : piece.Mask(_spec), is_casual: isCausal);
    }

    private Tensor PerQueryHead(Tensor heads)
    {
        var (sequences, length, size, group) = (heads.shape[0], heads.shape[2], heads.shape[3], _spec.Heads / _spec.KeyValueHeads);
        return group == 1 ? heads
            : heads.unsqueeze(2).expand(sequences, _spec.KeyValueHeads, group, length, size).reshape(sequences, _spec.Heads, length, size);
    }

    // With all scores at hand: [sequences, key heads, query heads per key head, queries, keys].
    private Tensor Composed(BatchPiece piece, Tensor queries, Tensor keys, Tensor values)
    {
        var (sequences, length, group) = (piece.Count, piece.Length, _spec.Heads / _spec.KeyValueHeads);
        var grouped = queries.reshape(sequences, _spec.KeyValueHeads, group * length, _spec.HeadSize);
        var scores = DeviceFunctions.Capped((grouped * _spec.Scale).matmul(keys.transpose(2, 3)), _spec.ScoreCap);
        scores = scores.reshape(sequences, _spec.KeyValueHeads, group, length, length);
        if (Bias(piece) is { } bias)
            scores = scores + bias.reshape(1, _spec.KeyValueHeads, group, length, length);
        if (piece.Mask(_spec) is { } mask)
            scores = scores + mask.unsqueeze(1);
        if (_sinks is not null)
            scores = cat(
                [
                    scores,
                    _sinks.Value.reshape(1, _spec.KeyValueHeads, group, 1, 1).expand(sequences, _spec.KeyValueHeads, group, length, 1)
                ], 4);
        var weights = scores.softmax(-1).narrow(4, 0, length).reshape(sequences, _spec.KeyValueHeads, group * length, length);
        return weights.matmul(values).reshape(sequences, _spec.Heads, length, _spec.ValueSize);
    }

    // [heads, queries, keys]. A table's rows are picked by a product, whose gradient is a sum in a fixed order.
    private Tensor? Bias(BatchPiece piece)
    {
        if (_spec.Bias is not DistanceTableSpec classes)
            return _spec.Bias is null ? null : piece.Bias(_spec);
        var length = piece.Length;
        return piece.Classes(classes)
            .matmul(_table!.Value.to_type(ScalarType.Float32))
            .reshape(length, length, _spec.Heads)
            .permute(2, 0, 1);
    }

    private Tensor[] Clipped(Tensor[] projected) =>
        _spec.Clip is { } limit ? Array.ConvertAll(projected, raw => raw.clamp(-limit, limit)) : projected;

    private void Normalise(DevicePass pass, Tensor[] projected)
    {
        if (_queryNorm is not null)
            projected[_spec.Query.Projection] = _queryNorm.Forward(pass, projected[_spec.Query.Projection]);
        if (_keyNorm is not null)
            projected[_spec.Key.Projection] = _keyNorm.Forward(pass, projected[_spec.Key.Projection]);
    }

    private static Tensor Normalised(DevicePass pass, DeviceHeadNorm? norm, Tensor heads) =>
        norm is null ? heads : norm.Forward(pass, heads.reshape(heads.shape[0], heads.shape[1] * heads.shape[2])).reshape(heads.shape);

    // Queries and gates lie in one projection, head by head; from here on queries lie by themselves, one head after the other.
    private Tensor? TakeGates(Tensor[] projected)
    {
        if (_spec.Gate is not { } at)
            return null;
        var both = projected[at.Projection].reshape(projected[at.Projection].shape[0], _spec.Heads, at.Stride);
        projected[at.Projection] = both.narrow(2, 0, _spec.HeadSize).reshape(both.shape[0], _spec.Heads * _spec.HeadSize);
        return both.narrow(2, at.Offset, _spec.ValueSize).reshape(both.shape[0], _spec.Heads * _spec.ValueSize);
    }

    // [rows, heads, size], out of a projection's channels.
    private static Tensor Heads(Tensor[] projected, HeadChannels at, int heads, int size)
    {
        var rows = projected[at.Projection];
        if (at.PerGroup > 0)
        {
            return rows.reshape(rows.shape[0], rows.shape[1] / at.GroupStride, at.GroupStride).narrow(2, at.Offset, at.PerGroup * at.Stride)
                .reshape(rows.shape[0], heads, at.Stride).narrow(2, 0, size);
        }

        if (at.Stride == size)
            return rows.narrow(1, at.Offset, heads * size).reshape(rows.shape[0], heads, size);
        return rows.reshape(rows.shape[0], rows.shape[1] / at.Stride, at.Stride)
            .narrow(1, at.Offset / at.Stride, heads)
            .narrow(2, at.Offset % at.Stride, size);
    }

    private Tensor Rotated(DevicePass pass, Tensor heads)
    {
        if (_spec.Rope is not { } rope)
            return heads;
        using var scope = NewDisposeScope();
        var (cosines, sines) = pass.Piece.Rotation(rope);
        var (first, end) = (_spec.RopeOffset, _spec.RopeOffset + rope.Dimensions);
        var own = heads.narrow(2, first, rope.Dimensions);
        var parts = new List<Tensor>();
        if (first > 0)
            parts.Add(heads.narrow(2, 0, first));
        parts.AddRange(rope.Interleaved ? Neighbours(own, cosines, sines) : Halves(own, cosines, sines));
        if (end < _spec.HeadSize)
            parts.Add(heads.narrow(2, end, _spec.HeadSize - end));
        return cat(parts, 2).MoveToOuterDisposeScope();
    }

    private static Tensor[] Halves(Tensor heads, Tensor cosines, Tensor sines)
    {
        var half = heads.shape[2] / 2;
        var (low, high) = (heads.narrow(2, 0, half), heads.narrow(2, half, half));
        return [low * cosines - high * sines, high * cosines + low * sines];
    }

    private static Tensor[] Neighbours(Tensor heads, Tensor cosines, Tensor sines)
    {
        var pairs = heads.reshape(heads.shape[0], heads.shape[1], heads.shape[2] / 2, 2);
        var (even, odd) = (pairs.select(3, 0), pairs.select(3, 1));
        return [stack([even * cosines - odd * sines, odd * cosines + even * sines], 3).reshape(heads.shape)];
    }
}
