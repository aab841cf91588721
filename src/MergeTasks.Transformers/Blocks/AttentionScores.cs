using System.Numerics.Tensors;
using MergeTasks.Numerics.Products;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// The probabilities with which some positions of one head attend to those before (and, in encoders, after) them. Only the range of keys
/// that some of these positions may see is computed.
/// </summary>
internal readonly ref struct AttentionScores
{
    private readonly AttentionSpec _spec;
    private readonly SequenceRows _sequence;
    private readonly int _firstQuery;
    private readonly int _queries;
    private readonly float[]? _bias;
    private readonly float? _sink;

    /// <summary>Lays out the scores of some positions.</summary>
    /// <param name="spec">The attention.</param>
    /// <param name="sequence">The sequence.</param>
    /// <param name="firstQuery">First position that attends.</param>
    /// <param name="queries">Number of positions that attend.</param>
    /// <param name="bias">The head's numbers by distance, see <see cref="PositionBias"/>; null: none.</param>
    /// <param name="sink">The head's score without a key; null: none.</param>
    public AttentionScores(AttentionSpec spec, SequenceRows sequence, int firstQuery, int queries, float[]? bias, float? sink)
    {
        _bias = bias;
        _sink = sink;
        _spec = spec;
        _sequence = sequence;
        _firstQuery = firstQuery;
        _queries = queries;
        FirstKey = FirstSeen(firstQuery);
        Keys = EndSeen(firstQuery + queries - 1) - FirstKey;
    }

    /// <summary>First position attended to.</summary>
    public int FirstKey { get; }

    /// <summary>Number of positions attended to.</summary>
    public int Keys { get; }

    /// <summary>softmax(cap(scale · q · kᵀ) + bias) with zeros where a key is not seen.</summary>
    /// <param name="query">The queries.</param>
    /// <param name="key">The keys from <see cref="FirstKey"/> on.</param>
    /// <param name="probabilities">Takes one row per query.</param>
    /// <param name="capped">Takes tanh(score / cap), where there is a cap and the caller needs its slope.</param>
    /// <param name="threads">Most threads to use.</param>
    public void Probabilities(MatrixView query, MatrixView key, MatrixView probabilities, Span<float> capped, int threads)
    {
        MatrixProduct.TimesTransposed(query, key, probabilities, accumulate: false, threads);
        for (var row = 0; row < _queries; row++)
        {
            var scores = probabilities.Row(row);
            var from = FirstSeen(_firstQuery + row) - FirstKey;
            var to = EndSeen(_firstQuery + row) - FirstKey;
            var seen = scores[from..to];
            scores[..from].Clear();
            scores[to..].Clear();
            Cap(seen, capped.IsEmpty ? [] : capped.Slice(row * Keys + from, seen.Length));
            if (_bias is not null)
                PositionBias.Add(PositionBias.Part(_bias, _firstQuery + row, FirstKey + from, seen.Length), seen);
            Hide(seen, FirstKey + from);
            Softmax(seen);
        }
    }

    /// <summary>Turns the gradient of the probabilities into that of q · kᵀ, in place.</summary>
    /// <param name="probabilities">What <see cref="Probabilities"/> gave.</param>
    /// <param name="gradient">The gradient of the probabilities; takes that of q · kᵀ.</param>
    /// <param name="capped">What <see cref="Probabilities"/> gave.</param>
    /// <param name="dBias">Takes, in addition, the gradient of the head's numbers by distance; null: nobody asks.</param>
    /// <returns>The gradient of the score without a key.</returns>
    public float Backward(MatrixView probabilities, MatrixView gradient, ReadOnlySpan<float> capped, float[]? dBias)
    {
        var dSink = 0f;
        for (var row = 0; row < _queries; row++)
        {
            var p = probabilities.Row(row);
            var d = gradient.Row(row);
            var from = FirstSeen(_firstQuery + row) - FirstKey;
            var to = EndSeen(_firstQuery + row) - FirstKey;
            d[..from].Clear();
            d[to..].Clear();
            var seen = p[from..to];
            var slope = d[from..to];
            var mean = Reductions.Dot(seen, slope);
            if (_sink is not null)
                dSink -= (1 - Reductions.Sum(seen)) * mean;
            TensorPrimitives.Subtract(slope, mean, slope);
            TensorPrimitives.Multiply(slope, seen, slope);
            if (dBias is not null)
                PositionBias.Add(slope, PositionBias.Part(dBias, _firstQuery + row, FirstKey + from, slope.Length));
            TensorPrimitives.Multiply(slope, (float)_spec.Scale, slope);
            for (var i = 0; !capped.IsEmpty && i < slope.Length; i++)
            {
                var tanh = capped[row * Keys + from + i];
                slope[i] *= 1 - tanh * tanh;
            }
        }

        return dSink;
    }

    private void Cap(Span<float> scores, Span<float> capped)
    {
        TensorPrimitives.Multiply(scores, (float)_spec.Scale, scores);
        if (_spec.ScoreCap is not { } cap)
            return;
        TensorPrimitives.Multiply(scores, (float)(1 / cap), scores);
        TensorPrimitives.Tanh(scores, scores);
        if (!capped.IsEmpty)
            scores.CopyTo(capped);
        TensorPrimitives.Multiply(scores, (float)cap, scores);
    }

    private void Hide(Span<float> scores, int firstKey)
    {
        if (_sequence.Hidden is not { } hidden)
            return;
        for (var i = 0; i < scores.Length; i++)
            if (hidden[firstKey + i])
                scores[i] = float.NegativeInfinity;
    }

    private void Softmax(Span<float> scores)
    {
        var most = TensorPrimitives.Max<float>(scores);
        if (float.IsNegativeInfinity(most))
        {
            // Padding that sees padding only: nobody asks for its result, but nobody may be reached by a NaN either.
            scores.Clear();
            return;
        }

        if (_sink is { } sink)
            most = MathF.Max(most, sink);
        TensorPrimitives.Subtract(scores, most, scores);
        Exponential.Of(scores);
        var sum = Reductions.Sum(scores) + (_sink is { } other ? MathF.Exp(other - most) : 0);
        TensorPrimitives.Multiply(scores, 1 / sum, scores);
    }

    private int FirstSeen(int query)
    {
        var first = _spec.Window is { } window ? Math.Max(0, query - window + 1) : 0;
        return _spec.Chunk is { } chunk ? Math.Max(first, query / chunk * chunk) : first;
    }

    private int EndSeen(int query) => _spec.Causal ? query + 1
        : _spec.Window is { } window ? Math.Min(_sequence.Length, query + window)
        : _sequence.Length;
}
