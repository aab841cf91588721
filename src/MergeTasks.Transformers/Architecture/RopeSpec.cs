namespace MergeTasks.Transformers.Architecture;

/// <summary>
/// Rotary position encoding (RoFormer, arXiv 2104.09864) of the first <c>2 · Frequencies.Length</c> channels of each head, channel i
/// paired with channel i + half.
/// </summary>
internal sealed class RopeSpec
{
    private readonly double[]? _longFrequencies;
    private readonly int _longBeyond;

    /// <summary>The same frequencies for every length.</summary>
    /// <param name="frequencies">Radians per position, one for each pair of channels.</param>
    /// <param name="attentionFactor">Multiplies sine and cosine, so that scores change by its square.</param>
    public RopeSpec(double[] frequencies, double attentionFactor = 1)
        : this(frequencies, attentionFactor, null, 0)
    {
    }

    private RopeSpec(double[] frequencies, double attentionFactor, double[]? longFrequencies, int longBeyond)
    {
        Frequencies = frequencies;
        AttentionFactor = attentionFactor;
        _longFrequencies = longFrequencies;
        _longBeyond = longBeyond;
    }

    /// <summary>Radians per position, one for each pair of channels, of sequences of ordinary length.</summary>
    public double[] Frequencies { get; }

    /// <summary>Multiplies sine and cosine.</summary>
    public double AttentionFactor { get; }

    /// <summary>Rotated channels per head.</summary>
    public int Dimensions => 2 * Frequencies.Length;

    /// <summary>Frequencies θ^(−2i/d).</summary>
    public static RopeSpec Plain(int dimensions, double theta) =>
        new([.. Enumerable.Range(0, dimensions / 2).Select(i => Math.Pow(theta, -2.0 * i / dimensions))]);

    /// <summary>Linear position interpolation (arXiv 2306.15595): every frequency divided by the factor.</summary>
    public RopeSpec Slowed(double factor) => new([.. Frequencies.Select(frequency => frequency / factor)], AttentionFactor);

    /// <summary>LongRoPE (arXiv 2402.13753): one divisor per pair, another set for sequences longer than <paramref name="original"/>.</summary>
    public RopeSpec SlowedByLength(double[] shortFactors, double[] longFactors, int original, double attentionFactor) => new(
        [.. Frequencies.Zip(shortFactors, (frequency, factor) => frequency / factor)],
        attentionFactor,
        [.. Frequencies.Zip(longFactors, (frequency, factor) => frequency / factor)],
        original);

    /// <summary>The frequencies for a sequence of the given number of tokens.</summary>
    public double[] FrequenciesFor(int length) => _longFrequencies is not null && length > _longBeyond ? _longFrequencies : Frequencies;
}
