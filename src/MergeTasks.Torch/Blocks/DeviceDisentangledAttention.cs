using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>DeBERTa's attention, see <see cref="DisentangledSpec"/>, with all scores at hand.</summary>
internal sealed class DeviceDisentangledAttention : DeviceMixer
{
    private readonly DisentangledSpec _spec;
    private readonly DeviceParameter _table;
    private readonly DeviceNorm? _tableNorm;
    private readonly DeviceLinear _query;
    private readonly DeviceLinear _key;
    private readonly DeviceLinear _value;
    private readonly DeviceLinear? _tableKey;
    private readonly DeviceLinear? _tableQuery;
    private readonly DeviceLinear _output;

    /// <summary>Binds the parameters.</summary>
    public DeviceDisentangledAttention(DisentangledSpec spec, ModelPart part)
    {
        _spec = spec;
        _table = part.Get(spec.Table, 2 * spec.Span, spec.Projections.Query.Inputs);
        _tableNorm = DeviceNorm.Of(spec.TableNorm, part);
        _query = new DeviceLinear(spec.Projections.Query, part);
        _key = new DeviceLinear(spec.Projections.Key, part);
        _value = new DeviceLinear(spec.Projections.Value, part);
        _tableKey = spec.TableProjections is { } keys && spec.QueryScoresDistance ? new DeviceLinear(keys.Key, part) : null;
        _tableQuery = spec.TableProjections is { } queries && spec.KeyScoresDistance ? new DeviceLinear(queries.Query, part) : null;
        _output = new DeviceLinear(spec.Output, part);
    }

    private int Rows => 2 * _spec.Span;

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        var (piece, rows) = (pass.Piece, (int)x.shape[0]);

        // The table's rows belong to no position; observers take them for the first one's, which is never padding.
        var table = _table.Value.to_type(ScalarType.Float32);
        table = _tableNorm?.Forward(pass, table, () => [.. Enumerable.Repeat(piece.BatchRows[0], Rows)]) ?? table;
        var joined = cat([x, table], 0);
        var query = Project(pass, _query, _spec.KeyScoresDistance && _tableQuery is null ? joined : x);
        var key = Project(pass, _key, _spec.QueryScoresDistance && _tableKey is null ? joined : x);
        var (queries, keys) = (Heads(piece, query.narrow(0, 0, rows)), Heads(piece, key.narrow(0, 0, rows)));
        var values = Heads(piece, Project(pass, _value, x));
        var scores = queries.matmul(keys.transpose(2, 3));
        var places = Places(piece.Length, x.device).expand(piece.Count, _spec.Heads, piece.Length, piece.Length);
        if (_spec.QueryScoresDistance)
            scores = scores + queries.matmul(OfTable(_tableKey is null ? key : Project(pass, _tableKey, table))).gather(3, places);
        if (_spec.KeyScoresDistance)
        {
            var byKey = keys.matmul(OfTable(_tableQuery is null ? query : Project(pass, _tableQuery, table)));
            scores = scores + byKey.gather(3, places.transpose(2, 3)).transpose(2, 3);
        }

        var weights = piece.PaddingSeesAll(scores * _spec.Scale).softmax(-1);
        var result = piece.Packed(weights.matmul(values));
        pass.Observe([_output.Name], result);
        return _output.Forward(pass, result).MoveToOuterDisposeScope();
    }

    private Tensor Project(DevicePass pass, DeviceLinear linear, Tensor x)
    {
        var piece = pass.Piece;
        var others = (int)x.shape[0] == piece.Rows ? 0 : Rows;
        var before = (int)x.shape[0] - others;
        pass.Observe(
            [linear.Name],
            x,
            others == 0 ? null : () => [.. piece.BatchRows.Take(before), .. Enumerable.Repeat(piece.BatchRows[0], others)]);
        return linear.Forward(pass, x);
    }

    // [sequences, heads, length, size].
    private Tensor Heads(BatchPiece piece, Tensor rows) => piece.Padded(rows.reshape(rows.shape[0], _spec.Heads, _spec.HeadSize));

    // The last rows, [heads, size, rows].
    private Tensor OfTable(Tensor rows) =>
        rows.narrow(0, rows.shape[0] - Rows, Rows).reshape(Rows, _spec.Heads, _spec.HeadSize).permute(1, 2, 0);

    private Tensor Places(int length, Device device) => tensor([.. Enumerable.Range(0, length)
        .SelectMany(query => Enumerable.Range(0, length).Select(key => (long)_spec.RowOf(query - key)))])
            .to(device)
            .reshape(1, 1, length, length);
}
