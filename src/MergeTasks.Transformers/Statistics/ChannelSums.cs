using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Transformers.Statistics;

/// <summary>Sums over rows, per channel, in double precision.</summary>
internal sealed class ChannelSums
{
    // A channel's sums stay in registers for so many rows; few enough that the rows are read as streams, side by side.
    private const int RowsTogether = 16;

    private readonly double[] _absolute;
    private readonly double[] _plain;
    private readonly double[] _square;

    /// <summary>Sums over no rows.</summary>
    public ChannelSums(int channels)
    {
        _absolute = new double[channels];
        _plain = new double[channels];
        _square = new double[channels];
    }

    /// <summary>Rows added.</summary>
    public long Rows { get; private set; }

    /// <summary>The sums.</summary>
    public ChannelTotals Totals => new() { Rows = Rows, Absolute = _absolute, Plain = _plain, Square = _square };

    /// <summary>Mean of |x|; 0 without rows.</summary>
    public double[] MeanAbsolute() => Divided(_absolute);

    /// <summary>Mean of x; 0 without rows.</summary>
    public double[] Mean() => Divided(_plain);

    /// <summary>Mean of x²; 0 without rows.</summary>
    public double[] MeanSquare() => Divided(_square);

    /// <summary>Mean of x² less the square of the mean, at least 0.</summary>
    public double[] Variance() => [.. MeanSquare().Zip(Mean(), (square, mean) => Math.Max(0, square - mean * mean))];

    /// <summary>
    /// Adds rows in their order. Squares are taken in double precision too, so that the order of rows hardly matters.
    /// </summary>
    /// <param name="values">Rows, one after the other.</param>
    internal void Add(ReadOnlySpan<float> values)
    {
        var channels = _absolute.Length;
        if (channels == 0)
            return;
        for (var row = 0; row < values.Length; row += RowsTogether * channels)
            AddRows(values.Slice(row, Math.Min(RowsTogether * channels, values.Length - row)));
        Rows += values.Length / channels;
    }

    /// <summary>Adds sums that were formed elsewhere.</summary>
    public void Add(ChannelTotals totals)
    {
        TensorPrimitives.Add(_absolute, totals.Absolute, _absolute);
        TensorPrimitives.Add(_plain, totals.Plain, _plain);
        TensorPrimitives.Add(_square, totals.Square, _square);
        Rows += totals.Rows;
    }

    private void AddRows(ReadOnlySpan<float> values)
    {
        var channels = _absolute.Length;
        var i = 0;
        for (; i <= channels - Vector512<float>.Count; i += Vector512<float>.Count)
            AddLanes(values, i);
        for (; i < channels; i++)
        {
            for (var at = i; at < values.Length; at += channels)
            {
                double x = values[at];
                _absolute[i] += Math.Abs(x);
                _plain[i] += x;
                _square[i] += x * x;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddLanes(ReadOnlySpan<float> values, int channel)
    {
        var next = channel + Vector512<double>.Count;
        var (absolute, plain, square) =
            (Vector512.Create(_absolute, channel), Vector512.Create(_plain, channel), Vector512.Create(_square, channel));
        var (absolute2, plain2, square2) =
            (Vector512.Create(_absolute, next), Vector512.Create(_plain, next), Vector512.Create(_square, next));
        ref var first = ref MemoryMarshal.GetReference(values);
        for (var at = channel; at < values.Length; at += _absolute.Length)
        {
            var (x, x2) = Vector512.Widen(Vector512.LoadUnsafe(ref first, (nuint)at));
            absolute += Vector512.Abs(x);
            plain += x;
            square += x * x;
            absolute2 += Vector512.Abs(x2);
            plain2 += x2;
            square2 += x2 * x2;
        }

        absolute.CopyTo(_absolute, channel);
        plain.CopyTo(_plain, channel);
        square.CopyTo(_square, channel);
        absolute2.CopyTo(_absolute, next);
        plain2.CopyTo(_plain, next);
        square2.CopyTo(_square, next);
    }

    private double[] Divided(double[] sums) => Rows == 0 ? new double[sums.Length] : [.. sums.Select(sum => sum / Rows)];
}
