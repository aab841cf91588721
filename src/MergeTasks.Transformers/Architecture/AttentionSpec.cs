namespace MergeTasks.Transformers.Architecture;

/// <summary>Where the heads of queries, keys or values lie among the output channels of the projections.</summary>
/// <param name="Projection">Index into <see cref="AttentionSpec.Projections"/>.</param>
/// <param name="Offset">First channel of head 0.</param>
/// <param name="Stride">Channels from one head to the next.</param>
/// <param name="PerGroup">Heads of a group that lie so, where there are groups; 0: there are none.</param>
/// <param name="GroupStride">Channels from one group to the next.</param>
internal readonly record struct HeadChannels(int Projection, int Offset, int Stride, int PerGroup = 0, int GroupStride = 0)
{
    /// <summary>The first channel of a head.</summary>
    public int Of(int head) => Offset + (PerGroup == 0 ? head * Stride : head / PerGroup * GroupStride + head % PerGroup * Stride);
}

/// <summary>Which values one normalisation of queries or keys spans.</summary>
internal enum HeadNormScope
{
    /// <summary>All heads of a token at once, before they are split.</summary>
    AllHeads,

    /// <summary>Each head by itself, one weight for all heads.</summary>
    EachHead,

    /// <summary>Each head by itself, with a module <c>name.norms.h</c> for each.</summary>
    EachHeadOwnWeight,

    /// <summary>Each head by itself, with a row of one module's weight for each.</summary>
    EachHeadOwnRow,
}

/// <summary>A normalisation of queries or keys.</summary>
internal sealed record HeadNormSpec(NormSpec Norm, HeadNormScope Scope);

/// <summary>The part of a layer that mixes positions.</summary>
internal abstract record MixerSpec;

/// <summary>
/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): queries, and keys with values, are projected down, normalised and up again;
/// a part of every key is rotated, and is the same for all heads. As projections these are queries, keys, and what holds the values.
/// </summary>
/// <param name="QueryDown">To the queries' latent; null: queries are projected at once.</param>
/// <param name="QueryNorm">Of the queries' latent.</param>
/// <param name="QueryUp">To all heads' queries: each the plain part, then the rotated one.</param>
/// <param name="Down">To the latent of keys and values, and after it the rotated part of the keys.</param>
/// <param name="Norm">Of that latent.</param>
/// <param name="Up">To each head's plain part of the key, then its value.</param>
/// <param name="Plain">Channels of a head's plain part.</param>
/// <param name="Rotated">Channels of the rotated part.</param>
internal sealed record LatentSpec(
    LinearSpec? QueryDown, NormSpec? QueryNorm, LinearSpec QueryUp, LinearSpec Down, NormSpec Norm, LinearSpec Up, int Plain, int Rotated);

/// <summary>What is added to scores by how far a key lies from its query.</summary>
internal abstract record PositionBiasSpec;

/// <summary>A slope of each head times the distance (ALiBi, arXiv 2108.12409).</summary>
internal sealed record AlibiSpec(IReadOnlyList<double> Slopes) : PositionBiasSpec
{
    /// <summary>
    /// The published slopes: 2^(−m/n), 2^(−2m/n), … for n heads; between them those of twice as many where n is no power of two.
    /// </summary>
    /// <param name="heads">Number of heads.</param>
    /// <param name="most">The exponent m, usually 8.</param>
    /// <param name="sorted">Whether all slopes of twice as many heads come first to last (MPT), not every other after those of n.</param>
    public static AlibiSpec Of(int heads, double most = 8, bool sorted = false)
    {
        var power = 1;
        while (power * 2 <= heads)
            power *= 2;
        if (power == heads)
            return new AlibiSpec(Slopes(heads));
        if (!sorted)
            return new AlibiSpec([.. Slopes(power), .. Slopes(2 * power).Where((_, i) => i % 2 == 0).Take(heads - power)]);
        var all = Slopes(2 * power);
        return new AlibiSpec([.. all.Where((_, i) => i % 2 == 1).Concat(all.Where((_, i) => i % 2 == 0)).Take(heads)]);

        double[] Slopes(int count) => [.. Enumerable.Range(1, count).Select(i => Math.Pow(2, -most * i / count))];
    }
}

/// <summary>A learned number for each head and class of distances, shared by all layers (T5, arXiv 1910.10683).</summary>
/// <param name="Table">The table's name, [classes, heads].</param>
/// <param name="Classes">Number of classes, half of them for keys after the query.</param>
/// <param name="Farthest">The distance from which on all are one class.</param>
internal sealed record DistanceTableSpec(string Table, int Classes, int Farthest) : PositionBiasSpec
{
    /// <summary>
    /// The class of a key at a distance, positive where it comes after the query: each by itself nearby, then logarithmic.
    /// </summary>
    public int ClassOf(int distance)
    {
        var half = Classes / 2;
        var exact = half / 2;
        var far = Math.Abs(distance);
        var own = far < exact ? far
            : Math.Min(half - 1, exact + (int)(MathF.Log((float)far / exact) / Math.Log((double)Farthest / exact) * (half - exact)));
        return distance > 0 ? half + own : own;
    }
}

/// <summary>Multi-head attention with grouped keys and values: several query heads may share a key and value head.</summary>
internal sealed record AttentionSpec : MixerSpec
{
    /// <summary>
    /// The input projections: three, or one that holds queries, keys and values; none where they are <see cref="Latent"/>.
    /// </summary>
    public required IReadOnlyList<LinearSpec> Projections { get; init; }

    /// <summary>Projections through latents; null: <see cref="Projections"/>.</summary>
    public LatentSpec? Latent { get; init; }

    /// <summary>Where the queries lie.</summary>
    public required HeadChannels Query { get; init; }

    /// <summary>Where the keys lie.</summary>
    public required HeadChannels Key { get; init; }

    /// <summary>Where the values lie.</summary>
    public required HeadChannels Value { get; init; }

    /// <summary>The projection of all heads' results.</summary>
    public required LinearSpec Output { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Channels of one head's queries and keys.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Channels of one head's values; 0: as many.</summary>
    public int OwnValueSize { get; init; }

    /// <summary>Channels of one head's values.</summary>
    public int ValueSize => OwnValueSize == 0 ? HeadSize : OwnValueSize;

    /// <summary>Multiplies the scores: 1/√head size in most families.</summary>
    public required double Scale { get; init; }

    /// <summary>Whether a token sees only itself and those before it.</summary>
    public bool Causal { get; init; } = true;

    /// <summary>How many tokens a token sees, itself included; where the order is not causal as many after it; null: all.</summary>
    public int? Window { get; init; }

    /// <summary>Tokens see those of their own piece of so many tokens; null: all.</summary>
    public int? Chunk { get; init; }

    /// <summary>Scores become cap · tanh(score / cap); null: they stay (Gemma 2, arXiv 2408.00118).</summary>
    public double? ScoreCap { get; init; }

    /// <summary>Projected values are clamped to ± this; null: they are not (OLMo).</summary>
    public double? Clip { get; init; }

    /// <summary>Rotary position encoding; null: none.</summary>
    public RopeSpec? Rope { get; init; }

    /// <summary>The rotated channels' place in a head.</summary>
    public int RopeOffset { get; init; }

    /// <summary>Normalises queries.</summary>
    public HeadNormSpec? QueryNorm { get; init; }

    /// <summary>Normalises keys.</summary>
    public HeadNormSpec? KeyNorm { get; init; }

    /// <summary>Normalises values.</summary>
    public HeadNormSpec? ValueNorm { get; init; }

    /// <summary>
    /// Whether values are keys before norm and rotation: there are two projections, and <see cref="Value"/> lies in a third that is a copy
    /// of the second (Gemma 4).
    /// </summary>
    public bool ValuesAreKeys { get; init; }

    /// <summary>The name under which later layers find this one's keys and values; null: none asks for them.</summary>
    public string? Gives { get; init; }

    /// <summary>
    /// The name under which an earlier layer gave keys and values, which stand in for own ones: there is one projection, and keys and
    /// values lie in a second and a third; null: there are own ones.
    /// </summary>
    public string? Takes { get; init; }

    /// <summary>Whether queries and keys are rotated before they are normalised.</summary>
    public bool NormsAfterRope { get; init; }

    /// <summary>Whether values are clamped after norms and not before (OLMoE).</summary>
    public bool ClipsAfterNorms { get; init; }

    /// <summary>A factor of each position's query; null: none.</summary>
    public Func<int, double>? QueryFactor { get; init; }

    /// <summary>What is added to scores by distance; null: nothing.</summary>
    public PositionBiasSpec? Bias { get; init; }

    /// <summary>
    /// Name of one more score per head that takes its share of the softmax and has no value (arXiv 2309.17453); null: none.
    /// </summary>
    public string? Sinks { get; init; }

    /// <summary>Where the gates lie whose sigmoid multiplies the heads' results; null: there are none.</summary>
    public HeadChannels? Gate { get; init; }
}
