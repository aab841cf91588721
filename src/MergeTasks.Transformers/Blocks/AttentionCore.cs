using System.Buffers;
using MergeTasks.Numerics.Products;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// softmax(q · kᵀ) · v for every sequence and head, over tiles of queries, so that no matrix of all scores is held. The backward pass
/// computes the probabilities again, as in FlashAttention (arXiv 2205.14135), but with whole rows of scores at a time.
/// </summary>
internal sealed class AttentionCore
{
    private const int QueriesPerTile = 64;

    private readonly AttentionSpec _spec;
    private readonly int _headsPerKey;

    private readonly PositionBias? _bias;
    private readonly Parameter? _sinks;
    private readonly float[]? _sinkScores;

    /// <summary>Takes the sizes, and binds what is added to scores.</summary>
    public AttentionCore(AttentionSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _headsPerKey = spec.Heads / spec.KeyValueHeads;
        _bias = spec.Bias is null ? null : new PositionBias(spec.Bias, spec.Heads, parameters);
        _sinks = spec.Sinks is null ? null : parameters.Get(spec.Sinks, spec.Heads);
        _sinkScores = _sinks?.ToSingles();
    }

    /// <summary>Attends; queries, keys and values lie where the specification says in the given projections.</summary>
    public void Forward(Pass pass, Activation query, Activation key, Activation value, Activation result)
    {
        var sequences = pass.Layout.Sequences;
        var pieces = sequences.Count * _spec.Heads;
        var biases = Biases(pass);
        pass.For(pieces, piece =>
        {
            var sequence = sequences[piece / _spec.Heads];
            var head = piece % _spec.Heads;
            var scratch = ArrayPool<float>.Shared.Rent(QueriesPerTile * sequence.Length);
            for (var first = 0; first < sequence.Length; first += QueriesPerTile)
            {
                var count = Math.Min(QueriesPerTile, sequence.Length - first);
                var scores = ScoresOf(sequence, first, count, head, biases);
                var probabilities = new MatrixView(scratch, count, scores.Keys);
                var (keyAt, keyRows) = (sequence.Start + scores.FirstKey, scores.Keys);
                scores.Probabilities(
                    Query(query, sequence.Start + first, count, head),
                    Key(key, keyAt, keyRows, head / _headsPerKey),
                    probabilities,
                    [],
                    Inner(pass, pieces));
                MatrixProduct.Times(
                    probabilities,
                    Value(value, keyAt, keyRows, head / _headsPerKey),
                    Result(result, sequence.Start + first, count, head),
                    accumulate: false,
                    Inner(pass, pieces));
            }

            ArrayPool<float>.Shared.Return(scratch);
        });
    }

    /// <summary>Adds to the gradients of queries, keys and values.</summary>
    public void Backward(
        Pass pass,
        Activation query,
        Activation key,
        Activation value,
        Activation dResult,
        Activation dQuery,
        Activation dKey,
        Activation dValue)
    {
        var sequences = pass.Layout.Sequences;
        var pieces = sequences.Count * _spec.KeyValueHeads;
        var biases = Biases(pass);
        var dBiases = new float[]?[sequences.Count * _spec.Heads];
        var dSinks = new float[sequences.Count * _spec.Heads];
        pass.For(pieces, piece =>
        {
            var sequence = sequences[piece / _spec.KeyValueHeads];
            var keyHead = piece % _spec.KeyValueHeads;
            var threads = Inner(pass, pieces);
            var tile = QueriesPerTile * sequence.Length;
            var scratch = ArrayPool<float>.Shared.Rent((_spec.ScoreCap is null ? 2 : 3) * tile);
            for (var head = keyHead * _headsPerKey; head < (keyHead + 1) * _headsPerKey; head++)
            {
                var own = piece / _spec.KeyValueHeads * _spec.Heads + head;
                dBiases[own] = _bias is { IsLearned: true } ? new float[2 * sequence.Length - 1] : null;
                for (var first = 0; first < sequence.Length; first += QueriesPerTile)
                {
                    var count = Math.Min(QueriesPerTile, sequence.Length - first);
                    var scores = ScoresOf(sequence, first, count, head, biases);
                    var probabilities = new MatrixView(scratch.AsSpan(0, tile), count, scores.Keys);
                    var gradient = new MatrixView(scratch.AsSpan(tile, tile), count, scores.Keys);
                    var capped = _spec.ScoreCap is null ? [] : scratch.AsSpan(2 * tile, tile);
                    var (queryAt, keyAt, keyRows) = (sequence.Start + first, sequence.Start + scores.FirstKey, scores.Keys);
                    var q = Query(query, queryAt, count, head);
                    var k = Key(key, keyAt, keyRows, keyHead);
                    var v = Value(value, keyAt, keyRows, keyHead);
                    var dr = Result(dResult, queryAt, count, head);
                    scores.Probabilities(q, k, probabilities, capped, threads);
                    MatrixProduct.TransposedTimes(probabilities, dr, Value(dValue, keyAt, keyRows, keyHead), accumulate: true, threads);
                    MatrixProduct.TimesTransposed(dr, v, gradient, accumulate: false, threads);
                    dSinks[own] += scores.Backward(probabilities, gradient, capped, dBiases[own]);
                    MatrixProduct.Times(gradient, k, Query(dQuery, queryAt, count, head), accumulate: true, threads);
                    MatrixProduct.TransposedTimes(gradient, q, Key(dKey, keyAt, keyRows, keyHead), accumulate: true, threads);
                }
            }

            ArrayPool<float>.Shared.Return(scratch);
        });
        if (_bias is { IsLearned: true })
            _bias.Give(pass, _spec.Heads, dBiases.Select((gradient, i) => (i % _spec.Heads, gradient!)));
        _sinks?.Give(pass, [.. Enumerable.Range(0, _spec.Heads).Select(head => dSinks.Where((_, i) => i % _spec.Heads == head).Sum())]);
    }

    private AttentionScores ScoresOf(SequenceRows sequence, int first, int count, int head, Dictionary<int, float[][]>? biases) =>
        new(_spec, sequence, first, count, biases?[sequence.Length][head], _sinkScores?[head]);

    private Dictionary<int, float[][]>? Biases(Pass pass) => _bias is null ? null : pass.Layout.Sequences
        .Select(sequence => sequence.Length).Distinct().ToDictionary(length => length, length => _bias.ByDistance(_spec.Heads, length));

    // Where there are fewer heads than threads, the products inside a head share them.
    private static int Inner(Pass pass, int pieces) => Math.Max(1, pass.Threads / pieces);

    private MatrixView Query(Activation from, int row, int rows, int head) => Head(from, row, rows, _spec.Query, head, _spec.HeadSize);

    private MatrixView Key(Activation from, int row, int rows, int head) => Head(from, row, rows, _spec.Key, head, _spec.HeadSize);

    private MatrixView Value(Activation from, int row, int rows, int head) => Head(from, row, rows, _spec.Value, head, _spec.ValueSize);

    private MatrixView Result(Activation from, int row, int rows, int head) =>
        from.Part(row, rows, head * _spec.ValueSize, _spec.ValueSize);

    private static MatrixView Head(Activation from, int row, int rows, HeadChannels at, int head, int size) =>
        from.Part(row, rows, at.Of(head), size);
}
