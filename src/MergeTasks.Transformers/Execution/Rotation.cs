using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Execution;

/// <summary>Cosines and sines of rotary position encoding for the positions of sequences of one length.</summary>
internal sealed class Rotation
{
    private readonly int _half;
    private readonly bool _interleaved;
    private readonly float[] _cosines;
    private readonly float[] _sines;

    /// <summary>Computes the table in double precision.</summary>
    public Rotation(RopeSpec spec, int length)
    {
        var frequencies = spec.FrequenciesFor(length);
        var attention = spec.AttentionFor(length);
        _half = frequencies.Length;
        _interleaved = spec.Interleaved;
        _cosines = new float[length * _half];
        _sines = new float[length * _half];
        for (var position = 0; position < length; position++)
        {
            for (var pair = 0; pair < _half; pair++)
            {
                var (sine, cosine) = Math.SinCos(position * frequencies[pair]);
                _cosines[position * _half + pair] = (float)(cosine * attention);
                _sines[position * _half + pair] = (float)(sine * attention);
            }
        }
    }

    /// <summary>The cosines: one row of pairs for each position.</summary>
    public ReadOnlySpan<float> Cosines => _cosines;

    /// <summary>The sines: one row of pairs for each position.</summary>
    public ReadOnlySpan<float> Sines => _sines;

    /// <summary>Rotates the first channels of a head in place.</summary>
    public void Apply(Span<float> head, int position) => Turn(head, position, 1);

    /// <summary>Applies the transposed rotation, which takes gradients back.</summary>
    public void ApplyTransposed(Span<float> head, int position) => Turn(head, position, -1);

    private void Turn(Span<float> head, int position, float direction)
    {
        var cosines = _cosines.AsSpan(position * _half, _half);
        var sines = _sines.AsSpan(position * _half, _half);
        if (_interleaved)
        {
            for (var pair = 0; pair < _half; pair++)
            {
                var (first, second, sine) = (head[2 * pair], head[2 * pair + 1], direction * sines[pair]);
                head[2 * pair] = first * cosines[pair] - second * sine;
                head[2 * pair + 1] = second * cosines[pair] + first * sine;
            }

            return;
        }

        var low = head[.._half];
        var high = head.Slice(_half, _half);
        var i = 0;
        for (; i <= _half - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var (a, b) = (At(low, i), At(high, i));
            var (cosine, sine) = (At(cosines, i), direction * At(sines, i));
            (a * cosine - b * sine).CopyTo(low[i..]);
            (b * cosine + a * sine).CopyTo(high[i..]);
        }

        for (; i < _half; i++)
        {
            var (a, b) = (low[i], high[i]);
            var sine = direction * sines[i];
            low[i] = a * cosines[i] - b * sine;
            high[i] = b * cosines[i] + a * sine;
        }
    }

    private static Vector256<float> At(Span<float> values, int index) =>
        Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(values), (nuint)index);
}
