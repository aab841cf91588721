using MergeTasks.Gguf.Format;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Gguf.Models;

/// <summary>
/// Writes rotary positions. What is written is compared with the frequencies that the engine uses, so that no setting is misunderstood:
/// θ alone, θ with one factor, YaRN's settings, a divisor of each frequency, or LongRoPE's two sets of divisors.
/// </summary>
/// <param name="config">The configuration, for the settings as they were given.</param>
/// <param name="architecture">What readers compute.</param>
/// <param name="list">Gets divisors.</param>
/// <param name="metadata">Gets the keys.</param>
/// <param name="positions">The longest text.</param>
internal sealed class RopeExport(
    ConfigReader config, GgufArchitecture architecture, TensorList list, GgufMetadata metadata, int positions)
{
    private const double Tolerance = 1e-5;

    /// <summary>Writes the keys, and tensors where there are any.</summary>
    public void Write(IReadOnlyList<AttentionSpec> layers)
    {
        foreach (var (index, layer) in layers.Index())
        {
            var rotates = architecture.UnrotatedPeriod == 0 || (index + 1) % architecture.UnrotatedPeriod != 0;
            if (rotates != layer.Rope is not null)
                throw GgufModel.Refusal(architecture, $"rotary positions in these layers only (layer {index})");
        }

        var local = architecture.HasLocalRope ? Common(layers.Where(layer => layer.Window is not null)) : null;
        var rope = Common(layers.Where(layer => layer.Window is null || !architecture.HasLocalRope)) ?? local!;
        metadata.Add($"{architecture.Name}.rope.dimension_count", rope.Dimensions);
        if (architecture.HasLocalRope && local is not null)
        {
            var theta = ThetaOf(local.Frequencies);
            if (!IsPlain(local, theta))
                throw GgufModel.Refusal(architecture, "rotary scaling in layers with a window");
            metadata.Add($"{architecture.Name}.rope.freq_base_swa", theta);
        }

        Write(rope);
    }

    private RopeSpec? Common(IEnumerable<AttentionSpec> layers)
    {
        var ropes = layers.Select(layer => layer.Rope).OfType<RopeSpec>().ToList();
        return ropes.TrueForAll(
            rope => rope.AttentionFactor == ropes[0].AttentionFactor && rope.Frequencies.SequenceEqual(ropes[0].Frequencies))
            ? ropes.FirstOrDefault()
            : throw GgufModel.Refusal(architecture, "different rotary positions in its layers");
    }

    private void Write(RopeSpec rope)
    {
        var key = config.Has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        var settings = config.Section(key);
        settings = settings?.Section("full_attention") ?? settings;
        var theta = settings?.OptionalDouble("rope_theta") ?? config.OptionalDouble("rope_theta") ?? ThetaOf(rope.Frequencies);
        metadata.Add($"{architecture.Name}.rope.freq_base", theta);
        if (settings is not null && settings.Has("short_factor") && settings.Has("long_factor"))
        {
            WriteLong(rope, settings, theta);
            return;
        }

        var frequencies = rope.FrequenciesFor(positions);
        if (!frequencies.SequenceEqual(rope.Frequencies) || rope.AttentionFor(positions) != rope.AttentionFactor)
            throw GgufModel.Refusal(architecture, "rotary positions that depend on a text's length");
        if (IsPlain(rope, theta) || (settings is not null && (IsLinear(rope, theta) || IsYarn(rope, settings, theta))))
            return;
        if (!architecture.HasFrequencies)
            throw GgufModel.Refusal(architecture, "such rotary scaling");
        list.Constant("rope_freqs.weight", Divisors(frequencies, theta));
        WriteAttention(rope.AttentionFactor);
    }

    private static bool IsPlain(RopeSpec rope, double theta) => rope.AttentionFactor == 1 && AreEqual(rope.Frequencies, Plain(rope, theta));

    private bool IsLinear(RopeSpec rope, double theta)
    {
        var factor = 1 / rope.Frequencies[0];
        if (rope.AttentionFactor != 1 || !AreEqual(rope.Frequencies, [.. Plain(rope, theta).Select(frequency => frequency / factor)]))
            return false;
        metadata.Add($"{architecture.Name}.rope.scaling.type", "linear");
        metadata.Add($"{architecture.Name}.rope.scaling.factor", factor);
        return true;
    }

    // Readers round the ends of the ramp, also where a model does not: for GPT-OSS all of them do, and it is run so.
    private bool IsYarn(RopeSpec rope, ConfigReader settings, double theta)
    {
        var original = settings.OptionalInt("original_max_position_embeddings")
            ?? config.OptionalInt("original_max_position_embeddings") ?? positions;
        var factor = settings.OptionalDouble("factor") ?? (double)positions / original;
        var (fast, slow) = (settings.Double("beta_fast", 32), settings.Double("beta_slow", 1));
        if (!(factor > 0 && fast > 0 && slow > 0) || theta <= 1
            || !(Matches(truncate: true) || (architecture.HasSinks && Matches(truncate: false))))
            return false;
        metadata.Add($"{architecture.Name}.rope.scaling.type", "yarn");
        metadata.Add($"{architecture.Name}.rope.scaling.factor", factor);
        metadata.Add($"{architecture.Name}.rope.scaling.original_context_length", original);
        metadata.Add($"{architecture.Name}.rope.scaling.yarn_beta_fast", fast);
        metadata.Add($"{architecture.Name}.rope.scaling.yarn_beta_slow", slow);
        if (architecture.IsLatent)
            WriteSharpness(rope, settings);
        else
            WriteAttention(rope.AttentionFactor / RopeScaling.YarnAttention(factor, 1));
        return true;

        bool Matches(bool truncate) => AreEqual(
            rope.Frequencies, RopeScaling.Yarn(rope.Dimensions, theta, factor, original, fast, slow, truncate, 1).Frequencies);
    }

    // Where keys come from a latent, readers leave rotated channels as long as they are and sharpen the softmax.
    private void WriteSharpness(RopeSpec rope, ConfigReader settings)
    {
        if (Math.Abs(rope.AttentionFactor - 1) > Tolerance)
            throw GgufModel.Refusal(architecture, "YaRN whose 'mscale' is not 'mscale_all_dim'");
        metadata.Add($"{architecture.Name}.rope.scaling.yarn_log_multiplier", 0.1 * settings.Double("mscale_all_dim", 0));
    }

    private void WriteLong(RopeSpec rope, ConfigReader settings, double theta)
    {
        if (!architecture.HasLongRope)
            throw GgufModel.Refusal(architecture, "LongRoPE");
        var original = config.OptionalInt("original_max_position_embeddings")
            ?? settings.OptionalInt("original_max_position_embeddings") ?? positions;
        metadata.Add($"{architecture.Name}.rope.scaling.type", "longrope");
        metadata.Add($"{architecture.Name}.rope.scaling.original_context_length", original);
        WriteAttention(rope.AttentionFor(original));
        list.Constant("rope_factors_long.weight", Divisors(rope.FrequenciesFor(original + 1), theta));
        list.Constant("rope_factors_short.weight", Divisors(rope.FrequenciesFor(1), theta));
    }

    private void WriteAttention(double factor)
    {
        if (Math.Abs(factor - 1) > Tolerance)
            metadata.Add($"{architecture.Name}.rope.scaling.attn_factor", factor);
    }

    private static float[] Divisors(double[] frequencies, double theta) =>
        [.. RopeSpec.Plain(2 * frequencies.Length, theta).Frequencies.Zip(frequencies, (plain, own) => (float)(plain / own))];

    private static double[] Plain(RopeSpec rope, double theta) => RopeSpec.Plain(rope.Dimensions, theta).Frequencies;

    // The base by which neighbouring frequencies differ.
    private static double ThetaOf(double[] frequencies) =>
        frequencies.Length < 2 ? 10000 : Math.Round(Math.Pow(frequencies[0] / frequencies[1], frequencies.Length), 6);

    private static bool AreEqual(double[] one, double[] other) =>
        one.Zip(other).All(pair => Math.Abs(pair.First - pair.Second) <= Tolerance * pair.Second);
}
