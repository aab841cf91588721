using System.Numerics.Tensors;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// One head of the gated delta rule over one sequence, see <see cref="Architecture.DeltaSpec"/>. Backwards, states are computed again from
/// those kept at every <see cref="Stride"/>th position.
/// </summary>
/// <param name="keySize">Channels of queries and keys.</param>
/// <param name="valueSize">Channels of values.</param>
/// <param name="sequence">The sequence.</param>
internal sealed class DeltaRule(int keySize, int valueSize, SequenceRows sequence)
{
    private const int Stride = 32;

    /// <summary>The inputs and results of one position.</summary>
    /// <param name="Row">The batch's row.</param>
    internal delegate (Memory<float> Query, Memory<float> Key, Memory<float> Value, float Decay, float Share) Position(int Row);

    /// <summary>Answers all queries.</summary>
    /// <param name="at">The inputs: queries and keys of their final length, e^g as the decay, β as the share.</param>
    /// <param name="result">Takes the answer of a row.</param>
    public void Forward(Position at, Func<int, Memory<float>> result)
    {
        var state = new float[keySize * valueSize];
        var correction = new float[valueSize];
        for (var position = 0; position < sequence.Length; position++)
        {
            var own = at(sequence.Start + position);
            Step(state, own.Key.Span, own.Value.Span, own.Decay, own.Share, correction);
            Recall(state, own.Query.Span, result(sequence.Start + position).Span);
        }
    }

    /// <summary>Adds to the gradients of queries, keys and values, and returns those of g and β.</summary>
    /// <param name="at">The inputs.</param>
    /// <param name="gradient">The answers' gradient of a row.</param>
    /// <param name="to">The gradients that are added to.</param>
    public (float[] Decay, float[] Share) Backward(Position at, Func<int, Memory<float>> gradient, Position to)
    {
        var size = keySize * valueSize;
        var kept = Kept(at);
        var states = new float[(Stride + 1) * size];
        var corrections = new float[Stride * valueSize];
        var (dState, before) = (new float[size], new float[size]);
        var (dDecay, dShare) = (new float[sequence.Length], new float[sequence.Length]);
        for (var piece = kept.Count - 1; piece >= 0; piece--)
        {
            var first = piece * Stride;
            var count = Math.Min(Stride, sequence.Length - first);
            kept[piece].CopyTo(states, 0);
            for (var i = 0; i < count; i++)
            {
                var own = at(sequence.Start + first + i);
                var next = states.AsSpan((i + 1) * size, size);
                states.AsSpan(i * size, size).CopyTo(next);
                Step(next, own.Key.Span, own.Value.Span, own.Decay, own.Share, corrections.AsSpan(i * valueSize, valueSize));
            }

            for (var i = count - 1; i >= 0; i--)
            {
                var row = sequence.Start + first + i;
                TensorPrimitives.Multiply(states.AsSpan(i * size, size), at(row).Decay, before);
                (dDecay[first + i], dShare[first + i]) = StepBack(
                    at(row),
                    to(row),
                    gradient(row).Span,
                    states.AsSpan((i + 1) * size, size),
                    before,
                    corrections.AsSpan(i * valueSize, valueSize),
                    dState);
            }
        }

        return (dDecay, dShare);
    }

    // The states before every piece.
    private List<float[]> Kept(Position at)
    {
        var kept = new List<float[]>();
        var state = new float[keySize * valueSize];
        var correction = new float[valueSize];
        for (var position = 0; position < sequence.Length; position++)
        {
            if (position % Stride == 0)
                kept.Add([.. state]);
            var own = at(sequence.Start + position);
            Step(state, own.Key.Span, own.Value.Span, own.Decay, own.Share, correction);
        }

        return kept;
    }

    // S ← e^g S, then S ← S + k δᵀ with δ = β (v − Sᵀk).
    private void Step(
        Span<float> state, ReadOnlySpan<float> key, ReadOnlySpan<float> value, float decay, float share, Span<float> correction)
    {
        TensorPrimitives.Multiply(state, decay, state);
        Recall(state, key, correction);
        TensorPrimitives.Subtract(value, correction, correction);
        TensorPrimitives.Multiply(correction, share, correction);
        for (var i = 0; i < keySize; i++)
            TensorPrimitives.MultiplyAdd(correction, key[i], state.Slice(i * valueSize, valueSize), state.Slice(i * valueSize, valueSize));
    }

    // Sᵀx.
    private void Recall(ReadOnlySpan<float> state, ReadOnlySpan<float> x, Span<float> answer)
    {
        answer.Clear();
        for (var i = 0; i < keySize; i++)
            TensorPrimitives.MultiplyAdd(state.Slice(i * valueSize, valueSize), x[i], answer, answer);
    }

    // dState is that of S after the step, and becomes that of S before it.
    private (float Decay, float Share) StepBack(
        (Memory<float> Query, Memory<float> Key, Memory<float> Value, float Decay, float Share) own,
        (Memory<float> Query, Memory<float> Key, Memory<float> Value, float Decay, float Share) to,
        ReadOnlySpan<float> dAnswer,
        ReadOnlySpan<float> after,
        ReadOnlySpan<float> before,
        ReadOnlySpan<float> correction,
        float[] dState)
    {
        var (query, key, dQuery, dKey, dValue) = (own.Query, own.Key, to.Query, to.Key, to.Value);
        var dCorrection = new float[valueSize];
        for (var i = 0; i < keySize; i++)
        {
            var slope = dState.AsSpan(i * valueSize, valueSize);
            TensorPrimitives.MultiplyAdd(dAnswer, query.Span[i], slope, slope);
            dQuery.Span[i] += Reductions.Dot(after.Slice(i * valueSize, valueSize), dAnswer);
            dKey.Span[i] += Reductions.Dot(slope, correction);
            TensorPrimitives.MultiplyAdd(slope, key.Span[i], dCorrection, dCorrection);
        }

        // δ = β e with the error e = v − Sᵀk, so that dβ = dδ · e.
        var error = new float[valueSize];
        Recall(before, key.Span, error);
        TensorPrimitives.Subtract(own.Value.Span, error, error);
        var dShare = Reductions.Dot(dCorrection, error);
        TensorPrimitives.Multiply(dCorrection, own.Share, dCorrection);
        TensorPrimitives.Add(dValue.Span, dCorrection, dValue.Span);
        var dDecay = 0f;
        for (var i = 0; i < keySize; i++)
        {
            var slope = dState.AsSpan(i * valueSize, valueSize);
            var row = before.Slice(i * valueSize, valueSize);
            TensorPrimitives.MultiplyAdd(dCorrection, -key.Span[i], slope, slope);
            dKey.Span[i] -= Reductions.Dot(row, dCorrection);
            dDecay += Reductions.Dot(slope, row);
        }

        TensorPrimitives.Multiply(dState, own.Decay, dState);
        return (dDecay, dShare);
    }
}
