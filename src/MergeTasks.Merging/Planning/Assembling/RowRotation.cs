namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>
/// A row of a table as rotary positions would turn it (arXiv 2104.09864): as heads side by side, in each of which elements i and
/// i + half turn by position·base^(−2i/size).
/// </summary>
internal sealed class RowRotation
{
    private readonly int _heads;
    private readonly int _half;
    private readonly double[] _frequencies;
    private readonly double _squares;

    /// <summary>The rotation of one model's rows.</summary>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="heads">Heads, which divide it into pieces of even length.</param>
    /// <param name="theta">The base of the frequencies.</param>
    public RowRotation(int columns, int heads, double theta)
    {
        (_heads, _half) = (heads, columns / heads / 2);
        _frequencies = [.. Enumerable.Range(0, _half).Select(i => Math.Pow(theta, -2.0 * i / (2 * _half)))];
        _squares = heads * _frequencies.Sum(value => value * value);
    }

    /// <summary>
    /// The position that turns a row nearest to another, or to its opposite, whichever is nearer to 0: of the angles between their pairs
    /// of elements, by least squares.
    /// </summary>
    public double Position(ReadOnlySpan<float> row, ReadOnlySpan<float> wanted)
    {
        var (sum, opposite) = (0.0, 0.0);
        for (var head = 0; head < _heads; head++)
        {
            for (var i = 0; i < _half; i++)
            {
                var at = (head * 2 * _half) + i;
                var (a, b, c, d) = ((double)row[at], (double)row[at + _half], (double)wanted[at], (double)wanted[at + _half]);
                var (sine, cosine) = ((a * d) - (b * c), (a * c) + (b * d));
                sum += Math.Atan2(sine, cosine) * _frequencies[i];
                opposite += Math.Atan2(-sine, -cosine) * _frequencies[i];
            }
        }

        return (Math.Abs(sum) < Math.Abs(opposite) ? sum : opposite) / _squares;
    }

    /// <summary>Turns a row.</summary>
    public void Turn(ReadOnlySpan<float> row, double position, Span<double> turned)
    {
        for (var i = 0; i < _half; i++)
        {
            var (sine, cosine) = Math.SinCos(position * _frequencies[i]);
            for (var head = 0; head < _heads; head++)
            {
                var at = (head * 2 * _half) + i;
                turned[at] = (row[at] * cosine) - (row[at + _half] * sine);
                turned[at + _half] = (row[at + _half] * cosine) + (row[at] * sine);
            }
        }
    }
}
