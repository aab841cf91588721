using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;

namespace MergeTasks.Torch.Blocks;

/// <summary>Token ids to vectors: scale · token row + position row + type row, then a norm and a projection.</summary>
internal sealed class DeviceEmbedding
{
    // Gradients of a table are formed and handed out in parts of so many elements.
    private const int ElementsPerPart = 1 << 26;

    private readonly EmbeddingSpec _spec;
    private readonly DeviceParameter _tokens;
    private readonly DeviceParameter? _positions;
    private readonly DeviceParameter? _types;
    private readonly DeviceNorm? _norm;
    private readonly DeviceLinear? _projection;
    private readonly DeviceLayerTable? _layerTable;
    private readonly DeviceStreamMaps? _streams;

    /// <summary>Binds the parameters.</summary>
    /// <param name="spec">The tables.</param>
    /// <param name="tables">Takes the tables, of which only the rows that are looked up are brought to the device's precision.</param>
    /// <param name="part">Takes the rest.</param>
    public DeviceEmbedding(EmbeddingSpec spec, ModelPart tables, ModelPart part)
    {
        _spec = spec;
        Part = part;
        _tokens = tables.Get(spec.Token, spec.Vocabulary, spec.Width);
        _positions = spec.Positions is { } positions ? tables.Get(positions.Parameter, positions.Rows, spec.Width) : null;
        _types = spec.Types is { } types ? tables.Get(types.Parameter, types.Rows, spec.Width) : null;
        _norm = DeviceNorm.Of(spec.Norm, part);
        _projection = spec.Projection is null ? null : new DeviceLinear(spec.Projection, part);
        _layerTable = spec.LayerTable is null ? null : new DeviceLayerTable(spec.LayerTable, tables, part);
        _streams = spec.Streams is null ? null : new DeviceStreamMaps(spec.Streams, part);
    }

    /// <summary>Channels of what is looked up: the sum, and after it the layers' vectors.</summary>
    public int TableWidth => _spec.Width + LayerWidth;

    private int LayerWidth => _spec.LayerTable is { } table ? table.Layers * table.Channels : 0;

    /// <summary>The parameters other than tables.</summary>
    public ModelPart Part { get; }

    /// <summary>The sum of the table rows, and after it the rows of the layers' vectors.</summary>
    public Tensor LookUp(DevicePass pass, DeviceWeights weights, EmbeddingRows rows)
    {
        var sum = SumOfRows(pass, weights, rows);
        return _layerTable is null ? sum : cat([sum, Rows(pass, weights, _layerTable.Table, rows.Tokens)], 1);
    }

    private Tensor SumOfRows(DevicePass pass, DeviceWeights weights, EmbeddingRows rows)
    {
        var sum = Rows(pass, weights, _tokens, rows.Tokens);
        if (_spec.Scale != 1)
            sum = sum * _spec.Scale;
        if (_positions is not null)
            sum = sum + Rows(pass, weights, _positions, rows.Positions);
        return _types is null ? sum : sum + Rows(pass, weights, _types, rows.Types);
    }

    /// <summary>The vectors, of what was looked up.</summary>
    public Tensor Forward(DevicePass pass, Tensor lookedUp)
    {
        var one = OneStream(pass, _layerTable is null ? lookedUp : lookedUp.narrow(1, 0, _spec.Width));
        _layerTable?.Forward(pass, one, lookedUp.narrow(1, _spec.Width, LayerWidth));
        return _streams?.Expand(pass, one) ?? one;
    }

    private Tensor OneStream(DevicePass pass, Tensor sum)
    {
        var normalised = _norm?.Forward(pass, sum) ?? sum;
        if (_spec.ZeroesPadding && pass.Piece.Tokens() is { } tokens)
            normalised = normalised * tokens;
        if (_projection is null)
            return normalised;
        pass.Observe([_projection.Name], normalised);
        return _projection.Forward(pass, normalised);
    }

    /// <summary>Hands out the gradients of all tables.</summary>
    /// <param name="runtime">The device.</param>
    /// <param name="gradients">Takes them.</param>
    /// <param name="rows">What was looked up.</param>
    /// <param name="gradient">The gradient of what was looked up, [rows, <see cref="TableWidth"/>].</param>
    /// <param name="tied">The output's share of the token table's gradient; null where the output has its own weight.</param>
    public void GiveTables(DeviceRuntime runtime, GradientOutlet gradients, EmbeddingRows rows, Tensor gradient, Tensor? tied)
    {
        if (_layerTable is not null)
        {
            GiveTable(runtime, gradients, _layerTable.Table, rows.Tokens, gradient.narrow(1, _spec.Width, LayerWidth), null, 1);
            gradient = gradient.narrow(1, 0, _spec.Width);
        }

        if (_types is not null)
            GiveTable(runtime, gradients, _types, rows.Types, gradient, null, 1);
        if (_positions is not null)
            GiveTable(runtime, gradients, _positions, rows.Positions, gradient, null, 1);
        GiveTable(runtime, gradients, _tokens, rows.Tokens, gradient, tied, _spec.Scale);
    }

    private static Tensor Rows(DevicePass pass, DeviceWeights weights, DeviceParameter table, int[] batchIndex) =>
        weights.Rows(table.Source, batchIndex.AsSpan(pass.Piece.FirstRow, pass.Piece.Rows));

    // What is handed out cannot be taken back, so only the computing of a part may be tried again.
    private static void GiveTable(
        DeviceRuntime runtime, GradientOutlet gradients, DeviceParameter table, int[] index, Tensor gradient, Tensor? tied, float scale)
    {
        var (count, width) = (table.Source.Shape[0], table.Source.Shape[1]);
        var perPart = Math.Max(1, ElementsPerPart / width);
        for (var first = 0L; first < count; first += perPart)
        {
            using var scope = NewDisposeScope();
            var (start, rows) = (first, Math.Min(perPart, count - first));
            Tensor? part = null;
            runtime.Try(() =>
            {
                using var attempt = NewDisposeScope();
                part = PartOf(index, gradient, tied?.narrow(0, start, rows), scale, start, [rows, width]).MoveToOuterDisposeScope();
            }, 0, null);
            gradients.Give(table, first, part!);
        }
    }

    private static Tensor PartOf(int[] index, Tensor gradient, Tensor? tied, float scale, long first, long[] shape)
    {
        var part = tied?.clone() ?? zeros(shape, ScalarType.Float32, gradient.device);
        var own = Enumerable.Range(0, index.Length).Where(row => index[row] >= first && index[row] < first + shape[0]).ToArray();
        if (own.Length == 0)
            return part;
        var from = RowIndex.Of(own, gradient.device);
        var to = tensor([.. own.Select(row => index[row] - first)], device: gradient.device);
        return part.index_add_(0, to, gradient.index_select(0, from), scale);
    }
}
