using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>Multi-head attention: project, clamp, normalise, rotate, attend, project back; every step but the first and last optional.</summary>
internal sealed class DeviceAttention
{
    private readonly AttentionSpec _spec;
    private readonly DeviceLinear[] _projections;
    private readonly DeviceHeadNorm? _queryNorm;
    private readonly DeviceHeadNorm? _keyNorm;
    private readonly DeviceLinear _output;
    private readonly string[] _projectionNames;
    private readonly string[] _outputName;

    /// <summary>Binds the parameters.</summary>
    public DeviceAttention(AttentionSpec spec, ModelPart part)
    {
        _spec = spec;
        _projections = [.. spec.Projections.Select(projection => new DeviceLinear(projection, part))];
        _queryNorm = spec.QueryNorm is null ? null : new DeviceHeadNorm(spec.QueryNorm, spec.Heads, part);
        _keyNorm = spec.KeyNorm is null ? null : new DeviceHeadNorm(spec.KeyNorm, spec.KeyValueHeads, part);
        _output = new DeviceLinear(spec.Output, part);
        _projectionNames = [.. _projections.Select(projection => projection.Name)];
        _outputName = [_output.Name];
    }

    /// <summary>Attends within each sequence.</summary>
    public Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        pass.Observe(_projectionNames, x);
        var projected = Array.ConvertAll(_projections, projection => projection.Forward(pass, x));
        if (_spec.Clip is { } limit)
            projected = Array.ConvertAll(projected, raw => raw.clamp(-limit, limit));
        if (_queryNorm is not null)
            projected[_spec.Query.Projection] = _queryNorm.Forward(pass, projected[_spec.Query.Projection]);
        if (_keyNorm is not null)
            projected[_spec.Key.Projection] = _keyNorm.Forward(pass, projected[_spec.Key.Projection]);
        var query = Rotated(pass, Heads(projected, _spec.Query, _spec.Heads));
        var key = Rotated(pass, Heads(projected, _spec.Key, _spec.KeyValueHeads));
        var result = Attend(pass.Piece, query, key, Heads(projected, _spec.Value, _spec.KeyValueHeads));
        pass.Observe(_outputName, result);
        return _output.Forward(pass, result).MoveToOuterDisposeScope();
    }

    private Tensor Attend(BatchPiece piece, Tensor query, Tensor key, Tensor value)
    {
        using var scope = NewDisposeScope();
        var (queries, keys, values) = (piece.Padded(query), piece.Padded(key), piece.Padded(value));
        var attended = _spec.ScoreCap is null ? Fused(piece, queries, keys, values) : Composed(piece, queries, keys, values);
        return piece.Packed(attended).MoveToOuterDisposeScope();
    }

    // The library's own kernel holds no matrix of scores (arXiv 2205.14135). It scales scores by 1/√head size, and takes a key head for each
    // query head.
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
        var (sequences, length, group) = (heads.shape[0], heads.shape[2], _spec.Heads / _spec.KeyValueHeads);
        return group == 1 ? heads
            : heads.unsqueeze(2).expand(sequences, _spec.KeyValueHeads, group, length, _spec.HeadSize)
                .reshape(sequences, _spec.Heads, length, _spec.HeadSize);
    }

    // With all scores at hand: [sequences, key heads, query heads per key head, queries, keys].
    private Tensor Composed(BatchPiece piece, Tensor queries, Tensor keys, Tensor values)
    {
        var (sequences, length, group) = (piece.Count, piece.Length, _spec.Heads / _spec.KeyValueHeads);
        var grouped = queries.reshape(sequences, _spec.KeyValueHeads, group * length, _spec.HeadSize);
        var scores = DeviceFunctions.Capped((grouped * _spec.Scale).matmul(keys.transpose(2, 3)), _spec.ScoreCap);
        scores = scores.reshape(sequences, _spec.KeyValueHeads, group, length, length);
        if (piece.Mask(_spec) is { } mask)
            scores = scores + mask.unsqueeze(1);
        var weights = scores.softmax(-1).reshape(sequences, _spec.KeyValueHeads, group * length, length);
        return weights.matmul(values).reshape(sequences, _spec.Heads, length, _spec.HeadSize);
    }

    // [rows, heads, head size], out of a projection's channels.
    private Tensor Heads(Tensor[] projected, HeadChannels at, int heads)
    {
        var rows = projected[at.Projection];
        if (at.Stride == _spec.HeadSize)
            return rows.narrow(1, at.Offset, heads * _spec.HeadSize).reshape(rows.shape[0], heads, _spec.HeadSize);
        return rows.reshape(rows.shape[0], rows.shape[1] / at.Stride, at.Stride).narrow(1, at.Offset / at.Stride, heads).narrow(2, at.Offset % at.Stride, _spec.HeadSize);
    }

    private Tensor Rotated(DevicePass pass, Tensor heads)
    {
        if (_spec.Rope is not { } rope)
            return heads;
        using var scope = NewDisposeScope();
        var (cosines, sines) = pass.Piece.Rotation(rope);
        var half = rope.Frequencies.Length;
        var low = heads.narrow(2, 0, half);
        var high = heads.narrow(2, half, half);
        var turned = new List<Tensor> { low * cosines - high * sines, high * cosines + low * sines };
        if (2 * half < _spec.HeadSize)
            turned.Add(heads.narrow(2, 2 * half, _spec.HeadSize - 2 * half));
        return cat(turned, 2).MoveToOuterDisposeScope();
    }
}
