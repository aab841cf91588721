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
        return _output.Forward(pass, result);
    }

    // [sequences, key heads, query heads per key head, queries, keys]: keys and values are never repeated for the queries that share them.
    private Tensor Attend(BatchPiece piece, Tensor query, Tensor key, Tensor value)
    {
        using var scope = NewDisposeScope();
        var (sequences, length, group) = (piece.Count, piece.Length, _spec.Heads / _spec.KeyValueHeads);
        var queries = piece.Padded(query).reshape(sequences, _spec.KeyValueHeads, group * length, _spec.HeadSize);
        var scores = (queries * _spec.Scale).matmul(piece.Padded(key).transpose(2, 3));
        scores = DeviceFunctions.Capped(scores, _spec.ScoreCap).reshape(sequences, _spec.KeyValueHeads, group, length, length);
        if (piece.Mask(_spec) is { } mask)
            scores = scores + mask;
        var weights = scores.softmax(-1).reshape(sequences, _spec.KeyValueHeads, group * length, length);
        return piece.Packed(weights.matmul(piece.Padded(value)).reshape(sequences, _spec.Heads, length, _spec.HeadSize)).MoveToOuterDisposeScope();
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
        var (cosines, sines) = pass.Piece.Rotation(rope);
        var half = rope.Frequencies.Length;
        var low = heads.narrow(2, 0, half);
        var high = heads.narrow(2, half, half);
        var turned = new List<Tensor> { low * cosines - high * sines, high * cosines + low * sines };
        if (2 * half < _spec.HeadSize)
            turned.Add(heads.narrow(2, 2 * half, _spec.HeadSize - 2 * half));
        return cat(turned, 2);
    }
}
