using System.Numerics.Tensors;
using MergeTasks.Numerics.Products;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>DeBERTa's attention, see <see cref="DisentangledSpec"/>. All scores of a head are held at once.</summary>
internal sealed class DisentangledAttention : Mixer
{
    private readonly DisentangledSpec _spec;
    private readonly Parameter _table;
    private readonly Norm? _tableNorm;
    private readonly Linear _query;
    private readonly Linear _key;
    private readonly Linear _value;
    private readonly Linear? _tableKey;
    private readonly Linear? _tableQuery;
    private readonly Linear _output;

    /// <summary>Binds the parameters.</summary>
    public DisentangledAttention(DisentangledSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _table = parameters.Get(spec.Table, 2 * spec.Span, spec.Projections.Query.Inputs);
        _tableNorm = spec.TableNorm is null ? null : new Norm(spec.TableNorm, parameters);
        _query = new Linear(spec.Projections.Query, parameters);
        _key = new Linear(spec.Projections.Key, parameters);
        _value = new Linear(spec.Projections.Value, parameters);
        _tableKey = spec.TableProjections is { } keys && spec.QueryScoresDistance ? new Linear(keys.Key, parameters) : null;
        _tableQuery = spec.TableProjections is { } queries && spec.KeyScoresDistance ? new Linear(queries.Query, parameters) : null;
        _output = new Linear(spec.Output, parameters);
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules =>
    [
        .. _tableNorm?.Descriptions ?? [],
        .. new[] { _query, _key, _value, _tableKey, _tableQuery, _output }.OfType<Linear>().Select(linear => linear.Description),
    ];

    private int Rows => 2 * _spec.Span;

    // Where the table has no projections of its own, its rows go through the layer's, after the layer's own rows.
    private bool KeysHoldTable => _spec.QueryScoresDistance && _tableKey is null;

    private bool QueriesHoldTable => _spec.KeyScoresDistance && _tableQuery is null;

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x)
    {
        using var table = TableRows(pass);
        using var withTable = Joined(pass, x, table);
        var query = Project(pass, _query, QueriesHoldTable ? withTable : x);
        var key = Project(pass, _key, KeysHoldTable ? withTable : x);
        var value = Project(pass, _value, x);
        var tableKey = _tableKey is null ? key.Share() : Project(pass, _tableKey, table);
        var tableQuery = _tableQuery is null ? query.Share() : Project(pass, _tableQuery, table);
        using var heads = new Heads(query, key, value, tableKey, tableQuery);
        using var result = pass.Rent(x.Rows, x.Channels);
        pass.For(_spec.Heads, head =>
        {
            foreach (var sequence in pass.Layout.Sequences)
            {
                var (length, at) = (sequence.Length, head * _spec.HeadSize);
                var probabilities = Probabilities(heads, sequence, head);
                MatrixProduct.Times(
                    new MatrixView(probabilities, length, length),
                    value.Part(sequence.Start, length, at, _spec.HeadSize),
                    result.Part(sequence.Start, length, at, _spec.HeadSize),
                    accumulate: false,
                    1);
            }
        });
        foreach (var kept in heads.All)
            pass.Tape?.Push(kept);
        pass.Observe([_output.Name], result);
        return _output.Forward(pass, result);
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        using var dResult = pass.Rent(dy.Rows, dy.Channels);
        _output.Backward(pass, dy, dResult, accumulate: false);
        using var heads = Heads.Kept(pass);
        using var gradients = heads.Zeros(pass, _tableKey is not null, _tableQuery is not null);
        pass.For(_spec.Heads, head =>
        {
            foreach (var sequence in pass.Layout.Sequences)
                BackThrough(heads, gradients, dResult, sequence, head);
        });
        var dx = pass.Rent(dy.Rows, dy.Channels);
        using var dTable = pass.RentZeros(Rows, dy.Channels);
        if (_tableQuery is not null)
            _tableQuery.Backward(pass, gradients.TableQuery, dTable, accumulate: true);
        if (_tableKey is not null)
            _tableKey.Backward(pass, gradients.TableKey, dTable, accumulate: true);
        _value.Backward(pass, gradients.Value, dx, accumulate: false);
        Undo(pass, _key, gradients.Key, dx, dTable);
        Undo(pass, _query, gradients.Query, dx, dTable);
        using var own = _tableNorm?.Backward(pass, dTable) ?? dTable.Share();
        _table.Give(pass, own.Values);
        return dx;
    }

    private Activation TableRows(Pass pass)
    {
        using var rows = pass.Rent(Rows, _table.Columns);
        for (var row = 0; row < Rows; row++)
            _table.ReadRow(row, rows.Row(row));
        return _tableNorm?.Forward(pass, rows, NoRows(0)) ?? rows.Share();
    }

    private static Activation Joined(Pass pass, Activation x, Activation table)
    {
        var joined = pass.Rent(x.Rows + table.Rows, x.Channels);
        x.Values.CopyTo(joined.Values);
        table.Values.CopyTo(joined.Values[x.Values.Length..]);
        return joined;
    }

    private Activation Project(Pass pass, Linear linear, Activation x)
    {
        pass.Observe([linear.Name], x, x.Rows == pass.Layout.Rows ? null : NoRows(x.Rows - Rows));
        return linear.Forward(pass, x);
    }

    // The table's rows belong to no position; observers take them for the first one's, which is never padding.
    private int[] NoRows(int before) => [.. Enumerable.Range(0, before), .. new int[Rows]];

    private static void Undo(Pass pass, Linear linear, Activation gradient, Activation dx, Activation dTable)
    {
        using var both = pass.Rent(gradient.Rows, dx.Channels);
        linear.Backward(pass, gradient, both, accumulate: false);
        TensorPrimitives.Add(dx.Values, both.Values[..dx.Values.Length], dx.Values);
        if (gradient.Rows > dx.Rows)
            TensorPrimitives.Add(dTable.Values, both.Values[dx.Values.Length..], dTable.Values);
    }

    // softmax(scale · (q·k + q·r + k·r')), r and r' the projected rows of the distance. A position of padding sees all alike.
    private float[] Probabilities(Heads heads, SequenceRows sequence, int head)
    {
        var length = sequence.Length;
        var scores = new float[length * length];
        var query = Part(heads.Query, sequence, head);
        var key = Part(heads.Key, sequence, head);
        MatrixProduct.TimesTransposed(query, key, new MatrixView(scores, length, length), accumulate: false, 1);
        if (_spec.QueryScoresDistance)
            AddDistances(scores, length, Against(query, TablePart(heads.TableKey, head)), byKey: false);
        if (_spec.KeyScoresDistance)
            AddDistances(scores, length, Against(key, TablePart(heads.TableQuery, head)), byKey: true);
        for (var row = 0; row < length; row++)
        {
            var own = scores.AsSpan(row * length, length);
            TensorPrimitives.Multiply(own, (float)_spec.Scale, own);
            for (var column = 0; column < length; column++)
                if (sequence.Hidden is { } hidden && (hidden[row] || hidden[column]))
                    own[column] = hidden[row] ? 0 : float.NegativeInfinity;
            TensorPrimitives.Subtract(own, TensorPrimitives.Max<float>(own), own);
            Exponential.Of(own);
            TensorPrimitives.Multiply(own, 1 / Reductions.Sum(own), own);
        }

        return scores;
    }

    private void BackThrough(Heads heads, Heads gradients, Activation dResult, SequenceRows sequence, int head)
    {
        var length = sequence.Length;
        var probabilities = Probabilities(heads, sequence, head);
        var gradient = new float[length * length];
        var dr = Part(dResult, sequence, head);
        MatrixProduct.TransposedTimes(
            new MatrixView(probabilities, length, length), dr, Part(gradients.Value, sequence, head), accumulate: true, 1);
        MatrixProduct.TimesTransposed(
            dr, Part(heads.Value, sequence, head), new MatrixView(gradient, length, length), accumulate: false, 1);
        for (var row = 0; row < length; row++)
        {
            var p = probabilities.AsSpan(row * length, length);
            var d = gradient.AsSpan(row * length, length);
            TensorPrimitives.Subtract(d, Reductions.Dot(p, d), d);
            TensorPrimitives.Multiply(d, p, d);
            TensorPrimitives.Multiply(d, (float)_spec.Scale, d);
            if (sequence.Hidden is { } hidden && hidden[row])
                d.Clear();
        }

        var (query, key) = (heads.Query, heads.Key);
        var slopes = new MatrixView(gradient, length, length);
        MatrixProduct.Times(slopes, Part(key, sequence, head), Part(gradients.Query, sequence, head), accumulate: true, 1);
        MatrixProduct.TransposedTimes(slopes, Part(query, sequence, head), Part(gradients.Key, sequence, head), accumulate: true, 1);
        if (_spec.QueryScoresDistance)
        {
            Distances(
                gradient,
                length,
                Part(query, sequence, head),
                TablePart(heads.TableKey, head),
                Part(gradients.Query, sequence, head),
                TablePart(gradients.TableKey, head),
                byKey: false);
        }

        if (_spec.KeyScoresDistance)
        {
            Distances(
                gradient,
                length,
                Part(key, sequence, head),
                TablePart(heads.TableQuery, head),
                Part(gradients.Key, sequence, head),
                TablePart(gradients.TableQuery, head),
                byKey: true);
        }
    }

    private float[] Against(MatrixView rows, MatrixView table)
    {
        var scores = new float[rows.Rows * Rows];
        MatrixProduct.TimesTransposed(rows, table, new MatrixView(scores, rows.Rows, Rows), accumulate: false, 1);
        return scores;
    }

    private void AddDistances(float[] scores, int length, float[] byRow, bool byKey)
    {
        for (var query = 0; query < length; query++)
            for (var key = 0; key < length; key++)
                scores[query * length + key] += byRow[(byKey ? key : query) * Rows + _spec.RowOf(query - key)];
    }

    private void Distances(float[] gradient, int length, MatrixView rows, MatrixView table, MatrixView dRows, MatrixView dTable, bool byKey)
    {
        var byRow = new float[length * Rows];
        for (var query = 0; query < length; query++)
            for (var key = 0; key < length; key++)
                byRow[(byKey ? key : query) * Rows + _spec.RowOf(query - key)] += gradient[query * length + key];
        var all = new MatrixView(byRow, length, Rows);
        MatrixProduct.Times(all, table, dRows, accumulate: true, 1);
        MatrixProduct.TransposedTimes(all, rows, dTable, accumulate: true, 1);
    }

    private MatrixView Part(Activation rows, SequenceRows sequence, int head) =>
        rows.Part(sequence.Start, sequence.Length, head * _spec.HeadSize, _spec.HeadSize);

    // The last rows, whether or not others come before.
    private MatrixView TablePart(Activation rows, int head) => rows.Part(rows.Rows - Rows, Rows, head * _spec.HeadSize, _spec.HeadSize);

    /// <summary>The heads' inputs, or their gradients; the table's are those of keys and queries where these hold them.</summary>
    private sealed record Heads(Activation Query, Activation Key, Activation Value, Activation TableKey, Activation TableQuery)
        : IDisposable
    {
        public IEnumerable<Activation> All => [Query, Key, Value, TableKey, TableQuery];

        public static Heads Kept(Pass pass)
        {
            var (tableQuery, tableKey, value, key) = (pass.Tape!.Pop(), pass.Tape.Pop(), pass.Tape.Pop(), pass.Tape.Pop());
            return new Heads(pass.Tape.Pop(), key, value, tableKey, tableQuery);
        }

        public Heads Zeros(Pass pass, bool ownTableKey, bool ownTableQuery)
        {
            var (query, key, value) =
                (pass.RentZeros(Query.Rows, Query.Channels),
                    pass.RentZeros(Key.Rows, Key.Channels),
                    pass.RentZeros(Value.Rows, Value.Channels));
            return new Heads(
                query,
                key,
                value,
                ownTableKey ? pass.RentZeros(TableKey.Rows, TableKey.Channels) : key.Share(),
                ownTableQuery ? pass.RentZeros(TableQuery.Rows, TableQuery.Channels) : query.Share());
        }

        public void Dispose()
        {
            foreach (var activation in All)
                activation.Dispose();
        }
    }
}
