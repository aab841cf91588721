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
    }

    /// <summary>The modules.</summary>
    public IEnumerable<ModuleDescription> Modules =>
        [.. _norm?.Descriptions ?? [], .. _projection is null ? Array.Empty<ModuleDescription>() : [_projection.Description]];

    /// <summary>Names of the tables.</summary>
    public IEnumerable<string> Tables => new[] { _tokens, _positions, _types }.OfType<Parameter>().Select(table => table.Name);

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
            return _projection?.Forward(pass, normalised) ?? normalised.Share();
        }
    }

    /// <summary>Hands out the gradients of all tables; the token table's comes in parts.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="rows">What was looked up.</param>
    /// <param name="dy">The gradient of the vectors.</param>
    /// <param name="tied">The output's share of the token table's gradient; null where the output has its own weight.</param>
    public void Backward(Pass pass, EmbeddingRows rows, Activation dy, ITableGradient? tied)
    {
        using var dNormalised = _projection is null ? dy.Share() : pass.Rent(dy.Rows, _spec.Width);
        _projection?.Backward(pass, dy, dNormalised, accumulate: false);
        ClearPadding(pass, dNormalised);
        using var gradient = _norm?.Backward(pass, dNormalised) ?? dNormalised.Share();
        GiveSmallTable(pass, _types, rows.Types, gradient);
        GiveSmallTable(pass, _positions, rows.Positions, gradient);
        var perPart = tied?.RowsPerPart ?? Math.Max(1, ElementsPerPart / _spec.Width);
        for (var (part, first) = (0, 0); first < _spec.Vocabulary; part++, first += perPart)
        {
            using var table = pass.RentZeros(Math.Min(perPart, _spec.Vocabulary - first), _spec.Width);
            tied?.Write(pass, part, table);
            AddLookups(rows.Tokens, gradient, _spec.Scale, table, first);
            _tokens.Give(pass, table.Values, first);
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
