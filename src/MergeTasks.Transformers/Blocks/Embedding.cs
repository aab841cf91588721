using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Token ids to vectors: scale · token row + position row + type row, then a norm and a projection.</summary>
internal sealed class Embedding
{
    private const int ElementsPerPart = 1 << 22;

    private readonly EmbeddingSpec _spec;
    private readonly Parameter _tokens;
    private readonly Parameter? _positions;
    private readonly Parameter? _types;
    private readonly Norm? _norm;
    private readonly Linear? _projection;
    private readonly string[] _projectionName;
    private readonly LayerTable? _layerTable;
    private readonly StreamMaps? _streams;

    /// <summary>Binds the parameters.</summary>
    public Embedding(EmbeddingSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _tokens = parameters.Get(spec.Token, spec.Vocabulary, spec.Width);
        _positions = spec.Positions is { } positions ? parameters.Get(positions.Parameter, positions.Rows, spec.Width) : null;
        _types = spec.Types is { } types ? parameters.Get(types.Parameter, types.Rows, spec.Width) : null;
        _norm = spec.Norm is null ? null : new Norm(spec.Norm, parameters);
        _projection = spec.Projection is null ? null : new Linear(spec.Projection, parameters);
        _projectionName = _projection is null ? [] : [_projection.Name];
        _layerTable = spec.LayerTable is null ? null : new LayerTable(spec.LayerTable, parameters);
        _streams = spec.Streams is null ? null : new StreamMaps(spec.Streams, parameters);
    }

    /// <summary>The modules.</summary>
    public IEnumerable<ModuleDescription> Modules =>
    [
        .. _norm?.Descriptions ?? [],
        .. _projection is null ? Array.Empty<ModuleDescription>() : [_projection.Description],
        .. _layerTable?.Modules ?? [],
        .. _streams?.Modules ?? [],
    ];

    /// <summary>Names of the tables.</summary>
    public IEnumerable<string> Tables => new[] { _tokens, _layerTable?.Table, _positions, _types }.OfType<Parameter>().Select(table => table.Name);

    /// <summary>The vectors of all positions.</summary>
    public Activation Forward(Pass pass, EmbeddingRows rows)
    {
        var sum = pass.Rent(rows.Tokens.Length, _spec.Width);
        pass.ForRows(sum.Rows, (first, end) =>
        {
            var other = new float[_spec.Width];
            for (var row = first; row < end; row++)
            {
                var to = sum.Row(row);
                _tokens.ReadRow(rows.Tokens[row], to);
                if (_spec.Scale != 1)
                    TensorPrimitives.Multiply(to, _spec.Scale, to);
                AddRow(_positions, rows.Positions, row, to, other);
                AddRow(_types, rows.Types, row, to, other);
            }
        });
        using (sum)
        using (var normalised = _norm?.Forward(pass, sum) ?? sum.Share())
        {
            ClearPadding(pass, normalised);
            pass.Observe(_projectionName, normalised);
            using var one = _projection?.Forward(pass, normalised) ?? normalised.Share();
            _layerTable?.Forward(pass, rows.Tokens, one);
            return _streams?.Expand(pass, one) ?? one.Share();
        }
    }

    /// <summary>Hands out the gradients of all tables; the token table's comes in parts.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="rows">What was looked up.</param>
    /// <param name="dy">The gradient of the vectors.</param>
    /// <param name="tied">The output's share of the token table's gradient; null where the output has its own weight.</param>
    public void Backward(Pass pass, EmbeddingRows rows, Activation dy, ITableGradient? tied)
    {
        using var dOne = BackwardToOne(pass, rows, dy);
        using var dNormalised = _projection is null ? dOne.Share() : pass.Rent(dOne.Rows, _spec.Width);
        _projection?.Backward(pass, dOne, dNormalised, accumulate: false);
        ClearPadding(pass, dNormalised);
        using var gradient = _norm?.Backward(pass, dNormalised) ?? dNormalised.Share();
        GiveSmallTable(pass, _types, rows.Types, gradient);
        GiveSmallTable(pass, _positions, rows.Positions, gradient);
        GiveLargeTable(pass, _tokens, rows.Tokens, gradient, _spec.Scale, tied);
    }

    // The gradient of what precedes several streams and the layers' vectors.
    private Activation BackwardToOne(Pass pass, EmbeddingRows rows, Activation dy)
    {
        var dOne = _streams?.ExpandBackward(pass, dy) ?? dy.Share();
        if (_layerTable is null)
            return dOne;
        if (_streams is null)
        {
            using var shared = dOne;
            dOne = pass.Rent(dy.Rows, dy.Channels);
            dy.Values.CopyTo(dOne.Values);
        }

        using var dVectors = _layerTable.Backward(pass, dOne);
        GiveLargeTable(pass, _layerTable.Table, rows.Tokens, dVectors, _layerTable.RowFactor, null);
        return dOne;
    }

    private static void GiveLargeTable(
        Pass pass, Parameter table, int[] index, Activation gradient, float scale, ITableGradient? tied)
    {
        var perPart = tied?.RowsPerPart ?? Math.Max(1, ElementsPerPart / table.Columns);
        for (var (part, first) = (0, 0); first < table.Rows; part++, first += perPart)
        {
            using var rows = pass.RentZeros(Math.Min(perPart, table.Rows - first), table.Columns);
            tied?.Write(pass, part, rows);
            AddLookups(index, gradient, scale, rows, first);
            table.Give(pass, rows.Values, first);
        }
    }

    private void ClearPadding(Pass pass, Activation rows)
    {
        if (!_spec.ZeroesPadding)
            return;
        foreach (var sequence in pass.Layout.Sequences)
            for (var position = 0; position < sequence.Length; position++)
                if (sequence.Hidden is { } hidden && hidden[position])
                    rows.Row(sequence.Start + position).Clear();
    }

    private static void AddRow(Parameter? table, int[] index, int row, Span<float> to, float[] scratch)
    {
        if (table is null)
            return;
        table.ReadRow(index[row], scratch);
        TensorPrimitives.Add(to, scratch, to);
    }

    private static void GiveSmallTable(Pass pass, Parameter? table, int[] index, Activation gradient)
    {
        if (table is null)
            return;
        using var sums = pass.RentZeros(table.Rows, table.Columns);
        AddLookups(index, gradient, 1, sums, 0);
        table.Give(pass, sums.Values);
    }

    private static void AddLookups(int[] index, Activation gradient, float scale, Activation table, int firstRow)
    {
        for (var row = 0; row < index.Length; row++)
        {
            var to = index[row] - firstRow;
            if (to >= 0 && to < table.Rows)
                TensorPrimitives.MultiplyAdd(gradient.Row(row), scale, table.Row(to), table.Row(to));
        }
    }
}
