namespace MergeTasks.Transformers.Architecture;

/// <summary>Frequency adjustments for contexts longer than a model was first trained on, beyond <see cref="RopeSpec.Slowed"/>.</summary>
internal static class RopeScaling
{
    /// <summary>
    /// Dynamic NTK-aware scaling: for a sequence longer than the model's, the base grows so that the slowest pair is slowed by
    /// factor · length / longest − (factor − 1), and faster pairs by less.
    /// </summary>
    public static RopeSpec Dynamic(int dimensions, double theta, double factor, int longest) =>
        new(RopeSpec.Plain(dimensions, theta).Frequencies, byLength: length =>
        {
            var slowest = factor * Math.Max(length, longest) / longest - (factor - 1);
            return RopeSpec.Plain(dimensions, theta * Math.Pow(slowest, dimensions / (dimensions - 2.0))).Frequencies;
        });

    /// <summary>
    /// LongRoPE (arXiv 2402.13753): one divisor per pair, another set for sequences longer than <paramref name="original"/>.
    /// </summary>
    public static RopeSpec LongRope(
        int dimensions, double theta, double[] shortFactors, double[] longFactors, int original, double attentionFactor)
    {
        var plain = RopeSpec.Plain(dimensions, theta).Frequencies;
        var (near, far) = (Divided(shortFactors), Divided(longFactors));
        return new RopeSpec(near, attentionFactor, length => length > original ? far : near);

        double[] Divided(double[] factors) => [.. plain.Zip(factors, (frequency, factor) => frequency / factor)];
    }

    /// <summary>The first pairs of a head turn as if all did, and the others not at all (Gemma 4).</summary>
    /// <param name="dimensions">Channels of a head, all of which are paired.</param>
    /// <param name="theta">Base.</param>
    /// <param name="turning">Pairs that turn.</param>
    /// <param name="factor">Divides their frequencies.</param>
    public static RopeSpec Proportional(int dimensions, double theta, int turning, double factor) =>
        new([.. RopeSpec.Plain(dimensions, theta).Frequencies.Select((frequency, pair) => pair < turning ? frequency / factor : 0)]);

    /// <summary>
    /// The Llama 3.1 rule: pairs whose wave is longer than original/low are slowed by the factor, those shorter than original/high are
    /// left, and those between are interpolated linearly in original/wave.
    /// </summary>
    public static RopeSpec Llama3(int dimensions, double theta, double factor, double low, double high, int original) =>
        new([.. RopeSpec.Plain(dimensions, theta).Frequencies.Select(frequency =>
        {
            var waves = original * frequency / (2 * Math.PI);
            if (waves < low)
                return frequency / factor;
            if (waves > high)
                return frequency;
            var share = (waves - low) / (high - low);
            return (1 - share) * frequency / factor + share * frequency;
        })]);

    /// <summary>
    /// YaRN (arXiv 2309.00071, equations 17 to 23): pairs that turn more than <paramref name="fast"/> times within the original length are
    /// left, those that turn less than <paramref name="slow"/> times are slowed by the factor, with a linear ramp over the pairs between.
    /// </summary>
    /// <param name="dimensions">Rotated channels.</param>
    /// <param name="theta">Base.</param>
    /// <param name="factor">Context extension.</param>
    /// <param name="original">Length before extension.</param>
    /// <param name="fast">Turns above which a pair is left.</param>
    /// <param name="slow">Turns below which a pair is slowed fully.</param>
    /// <param name="truncate">Whether the ramp's ends are rounded outwards to whole pairs.</param>
    /// <param name="attentionFactor">Multiplies sine and cosine.</param>
    public static RopeSpec Yarn(
        int dimensions, double theta, double factor, int original, double fast, double slow, bool truncate, double attentionFactor)
    {
        var first = PairTurning(fast);
        var last = PairTurning(slow);
        if (truncate)
            (first, last) = (Math.Floor(first), Math.Ceiling(last));
        first = Math.Max(first, 0);
        last = Math.Min(last, dimensions - 1);
        if (first == last)
            last += 0.001;
        var plain = RopeSpec.Plain(dimensions, theta).Frequencies;
        return new RopeSpec([.. plain.Select((frequency, pair) =>
        {
            var slowed = Math.Clamp((pair - first) / (last - first), 0, 1);
            return frequency / factor * slowed + frequency * (1 - slowed);
        })], attentionFactor);

        double PairTurning(double turns) => dimensions * Math.Log(original / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
    }

    /// <summary>YaRN's recommended attention factor, 0.1 · scale · ln(factor) + 1 (its equation 22).</summary>
    public static double YarnAttention(double factor, double scale) => factor <= 1 ? 1 : 0.1 * scale * Math.Log(factor) + 1;
}
