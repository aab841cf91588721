using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MergeTasks.Transformers;

/// <summary>Sums over rows, per channel, in double precision.</summary>
public sealed class ChannelSums
{
    private readonly double[] _absolute;
    private readonly double[] _plain;
    private readonly double[] _square;

    internal ChannelSums(int channels)
    {
        _absolute = new double[channels];
        _plain = new double[channels];
        _square = new double[channels];
    }

    /// <summary>Rows added.</summary>
    public long Rows { get; private set; }

    /// <summary>Mean of |x|; 0 without rows.</summary>
    public double[] MeanAbsolute() => Divided(_absolute);

    /// <summary>Mean of x; 0 without rows.</summary>
    public double[] Mean() => Divided(_plain);

    /// <summary>Mean of x²; 0 without rows.</summary>
    public double[] MeanSquare() => Divided(_square);

    /// <summary>Mean of x² less the square of the mean, at least 0.</summary>
    public double[] Variance() => [.. MeanSquare().Zip(Mean(), (square, mean) => Math.Max(0, square - mean * mean))];

    /// <summary>Adds one row. Squares are taken in double precision too, so that the order of rows hardly matters.</summary>
    internal void Add(ReadOnlySpan<float> row)
    {
        Rows++;
        var lanes = Vector256<float>.Count;
        var i = 0;
        for (; i <= row.Length - lanes; i += lanes)
        {
            var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(row), (nuint)i));
            AddFour(low, i);
            AddFour(high, i + lanes / 2);
        }

        for (; i < row.Length; i++)
        {
            double x = row[i];
            _absolute[i] += Math.Abs(x);
            _plain[i] += x;
            _square[i] += x * x;
        }
    }

    private void AddFour(Vector256<double> x, int at)
    {
        (Vector256.LoadUnsafe(ref _absolute[0], (nuint)at) + Vector256.Abs(x)).CopyTo(_absolute, at);
        (Vector256.LoadUnsafe(ref _plain[0], (nuint)at) + x).CopyTo(_plain, at);
        (Vector256.LoadUnsafe(ref _square[0], (nuint)at) + x * x).CopyTo(_square, at);
    }

    private double[] Divided(double[] sums) => Rows == 0 ? new double[sums.Length] : [.. sums.Select(sum => sum / Rows)];
}
