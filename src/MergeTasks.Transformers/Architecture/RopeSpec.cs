namespace MergeTasks.Transformers.Architecture;

/// <summary>
/// Rotary position encoding (RoFormer, arXiv 2104.09864) of <c>2 · Frequencies.Length</c> channels of each head, channel i paired with
/// channel i + half, or, where <see cref="Interleaved"/>, channel 2i with channel 2i + 1.
/// </summary>
internal sealed class RopeSpec
{
    private readonly Func<int, double[]>? _byLength;
    private readonly Func<int, double>? _attentionByLength;

    /// <summary>Frequencies that may depend on a sequence's length.</summary>
    /// <param name="frequencies">Radians per position, one for each pair of channels.</param>
    /// <param name="attentionFactor">Multiplies sine and cosine, so that scores change by its square.</param>
    /// <param name="byLength">The frequencies for a number of tokens; null: the same for every length.</param>
    /// <param name="attentionByLength">The attention factor for a number of tokens; null: the same for every length.</param>
    public RopeSpec(
        double[] frequencies, double attentionFactor = 1, Func<int, double[]>? byLength = null, Func<int, double>? attentionByLength = null)
    {
        Frequencies = frequencies;
        AttentionFactor = attentionFactor;
        _byLength = byLength;
        _attentionByLength = attentionByLength;
    }

    /// <summary>Radians per position, one for each pair of channels, of sequences of ordinary length.</summary>
    public double[] Frequencies { get; }

    /// <summary>Multiplies sine and cosine.</summary>
    public double AttentionFactor { get; }

    /// <summary>Whether neighbouring channels are pairs.</summary>
    public bool Interleaved { get; private init; }

    /// <summary>Rotated channels per head.</summary>
    public int Dimensions => 2 * Frequencies.Length;

    /// <summary>Frequencies θ^(−2i/d).</summary>
    public static RopeSpec Plain(int dimensions, double theta) =>
        new([.. Enumerable.Range(0, dimensions / 2).Select(i => Math.Pow(theta, -2.0 * i / dimensions))]);

    /// <summary>Linear position interpolation (arXiv 2306.15595): every frequency divided by the factor.</summary>
    public RopeSpec Slowed(double factor) => new([.. Frequencies.Select(frequency => frequency / factor)], AttentionFactor);

    /// <summary>The same angles for pairs of neighbouring channels.</summary>
    public RopeSpec InNeighbours() => new(Frequencies, AttentionFactor, _byLength, _attentionByLength) { Interleaved = true };

    /// <summary>The same angles, with attention factors of their own by number of tokens.</summary>
    public RopeSpec WithAttention(Func<int, double> byLength) =>
        new(Frequencies, AttentionFactor, _byLength, byLength) { Interleaved = Interleaved };

    /// <summary>The frequencies for a sequence of the given number of tokens.</summary>
    public double[] FrequenciesFor(int length) => _byLength?.Invoke(length) ?? Frequencies;

    /// <summary>The attention factor for a sequence of the given number of tokens.</summary>
    public double AttentionFor(int length) => _attentionByLength?.Invoke(length) ?? AttentionFactor;
}
