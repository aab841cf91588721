using System.Buffers;
using MergeTasks.Numerics.Products;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Execution;

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

    /// <summary>Takes the sizes.</summary>
    public AttentionCore(AttentionSpec spec)
    {
        _spec = spec;
        _headsPerKey = spec.Heads / spec.KeyValueHeads;
    }

    /// <summary>Attends; queries, keys and values lie where the specification says in the given projections.</summary>
    public void Forward(Pass pass, Activation query, Activation key, Activation value, Activation result)
    {
        var sequences = pass.Layout.Sequences;
        var pieces = sequences.Count * _spec.Heads;
        pass.For(pieces, piece =>
        {
            var sequence = sequences[piece / _spec.Heads];
            var head = piece % _spec.Heads;
            var scratch = ArrayPool<float>.Shared.Rent(QueriesPerTile * sequence.Length);
            for (var first = 0; first < sequence.Length; first += QueriesPerTile)
            {
                var count = Math.Min(QueriesPerTile, sequence.Length - first);
                var scores = new AttentionScores(_spec, sequence, first, count);
                var probabilities = new MatrixView(scratch, count, scores.Keys);
                var (keyAt, keyRows) = (sequence.Start + scores.FirstKey, scores.Keys);
                scores.Probabilities(
                    Query(query, sequence.Start + first, count, head), Key(key, keyAt, keyRows, head / _headsPerKey), probabilities, [], Inner(pass, pieces));
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
        Pass pass, Activation query, Activation key, Activation value, Activation dResult, Activation dQuery, Activation dKey, Activation dValue)
    {
        var sequences = pass.Layout.Sequences;
        var pieces = sequences.Count * _spec.KeyValueHeads;
        pass.For(pieces, piece =>
        {
            var sequence = sequences[piece / _spec.KeyValueHeads];
            var keyHead = piece % _spec.KeyValueHeads;
            var threads = Inner(pass, pieces);
            var tile = QueriesPerTile * sequence.Length;
            var scratch = ArrayPool<float>.Shared.Rent((_spec.ScoreCap is null ? 2 : 3) * tile);
            for (var head = keyHead * _headsPerKey; head < (keyHead + 1) * _headsPerKey; head++)
            {
                for (var first = 0; first < sequence.Length; first += QueriesPerTile)
                {
                    var count = Math.Min(QueriesPerTile, sequence.Length - first);
                    var scores = new AttentionScores(_spec, sequence, first, count);
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
                    scores.Backward(probabilities, gradient, capped);
                    MatrixProduct.Times(gradient, k, Query(dQuery, queryAt, count, head), accumulate: true, threads);
                    MatrixProduct.TransposedTimes(gradient, q, Key(dKey, keyAt, keyRows, keyHead), accumulate: true, threads);
                }
            }

            ArrayPool<float>.Shared.Return(scratch);
        });
    }

    // Where there are fewer heads than threads, the products inside a head share them.
    private static int Inner(Pass pass, int pieces) => Math.Max(1, pass.Threads / pieces);

    private MatrixView Query(Activation from, int row, int rows, int head) => Head(from, row, rows, _spec.Query, head);

    private MatrixView Key(Activation from, int row, int rows, int head) => Head(from, row, rows, _spec.Key, head);

    private MatrixView Value(Activation from, int row, int rows, int head) => Head(from, row, rows, _spec.Value, head);

    private MatrixView Result(Activation from, int row, int rows, int head) => from.Part(row, rows, head * _spec.HeadSize, _spec.HeadSize);

    private MatrixView Head(Activation from, int row, int rows, HeadChannels at, int head) =>
        from.Part(row, rows, at.Offset + head * at.Stride, _spec.HeadSize);
}
