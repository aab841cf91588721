using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Configuration;

/// <summary>
/// Reads rotary position settings in every published spelling: <c>rope_theta</c> with <c>rope_scaling</c> (old key <c>type</c>, newer
/// <c>rope_type</c>), and the newest single object <c>rope_parameters</c>.
/// </summary>
internal static class RopeReader
{
    private const string Types = "default, linear, dynamic, llama3, yarn or longrope";

    /// <summary>Reads the settings of one model.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="headSize">Channels of one head.</param>
    /// <param name="maximumPositions">The model's longest sequence.</param>
    /// <param name="theta">The base where no key gives it.</param>
    /// <param name="fraction">The rotated share of each head, from its first channel on; null where the family always rotates whole heads.</param>
    /// <param name="originalPositions">The length before extension where no key gives it.</param>
    /// <param name="familyTheta">Whether <paramref name="theta"/> outranks <c>rope_theta</c>, because the family has a key of its own for it.</param>
    /// <param name="aliases">Type names that this family uses for another type.</param>
    public static RopeSpec Read(
        ConfigReader config,
        int headSize,
        int maximumPositions,
        double theta,
        double? fraction = null,
        int? originalPositions = null,
        bool familyTheta = false,
        IReadOnlyDictionary<string, string>? aliases = null)
    {
        var key = config.Has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        var scaling = config.Section(key);
        theta = scaling?.OptionalDouble("rope_theta") ?? (familyTheta ? theta : config.PositiveDouble("rope_theta", theta));
        if (theta <= 0)
            throw scaling!.Invalid("rope_theta", "above 0");
        if (scaling is not null && (scaling.Has("full_attention") || scaling.Has("sliding_attention")))
            throw config.Unsupported(key, "one set of settings for all layers");
        var share = Share(config, scaling, fraction);
        var dimensions = (int)(headSize * share);
        if (dimensions < 2 || dimensions > headSize || dimensions % 2 != 0)
        {
            throw new ModelException(
                ModelError.BadConfiguration,
                $"'{config.Path}': a rotary fraction of {share} rotates {dimensions} of {headSize} channels per head; it must be an even number from 2 on.",
                config.Path);
        }

        if (scaling is null)
            return RopeSpec.Plain(dimensions, theta);
        var type = TypeOf(scaling, isNewest: key == "rope_parameters", aliases);
        originalPositions = scaling.OptionalInt("original_max_position_embeddings")
            ?? config.OptionalInt("original_max_position_embeddings")
            ?? originalPositions;
        return type switch
        {
            "default" => RopeSpec.Plain(dimensions, theta),
            "linear" => RopeSpec.Plain(dimensions, theta).Slowed(Factor(scaling)),
            "dynamic" => Dynamic(scaling, dimensions, theta, maximumPositions),
            "llama3" => RopeScaling.Llama3(
                dimensions,
                theta,
                Factor(scaling),
                Required(scaling, "low_freq_factor"),
                Required(scaling, "high_freq_factor"),
                originalPositions ?? throw scaling.Invalid("original_max_position_embeddings", "a whole number of at least 1")),
            "yarn" => Yarn(scaling, dimensions, theta, maximumPositions, originalPositions),
            "longrope" => LongRope(scaling, dimensions, theta, maximumPositions, originalPositions),
            _ => throw scaling.Unsupported(scaling.Has("rope_type") ? "rope_type" : "type", Types),
        };
    }

    private static double Share(ConfigReader config, ConfigReader? scaling, double? fraction)
    {
        var newest = scaling?.OptionalDouble("partial_rotary_factor");
        if (fraction is { } share)
            return newest ?? share;
        if (newest is not (null or 1))
            throw scaling!.Unsupported("partial_rotary_factor", "1 in this family");
        if (config.OptionalDouble("partial_rotary_factor") is not (null or 1))
            throw config.Unsupported("partial_rotary_factor", "1 in this family");
        return 1;
    }

    private static string TypeOf(ConfigReader scaling, bool isNewest, IReadOnlyDictionary<string, string>? aliases)
    {
        var newer = Canonical(scaling.OptionalText("rope_type"));
        var older = Canonical(scaling.OptionalText("type"));
        if (newer is not null && older is not null && newer != older)
            throw scaling.Invalid("rope_type", $"the same as 'type' (\"{older}\") where both are given");
        return newer ?? older ?? (isNewest ? "default" : throw scaling.Invalid("rope_type", Types));

        string? Canonical(string? name) => name is not null && aliases is not null && aliases.TryGetValue(name, out var known) ? known : name;
    }

    private static RopeSpec Dynamic(ConfigReader scaling, int dimensions, double theta, int maximumPositions)
    {
        var factor = Factor(scaling);
        return factor >= 1 && dimensions > 2
            ? RopeScaling.Dynamic(dimensions, theta, factor, maximumPositions)
            : throw scaling.Invalid("factor", "at least 1, for more than one pair of rotated channels, where the type is \"dynamic\"");
    }

    private static RopeSpec Yarn(ConfigReader scaling, int dimensions, double theta, int maximumPositions, int? originalPositions)
    {
        var original = originalPositions ?? maximumPositions;
        var factor = scaling.Has("factor") ? Factor(scaling) : (double)maximumPositions / original;
        var all = scaling.Double("mscale_all_dim", 0);
        var own = scaling.Double("mscale", 0);
        var attention = scaling.OptionalDouble("attention_factor")
            ?? (own != 0 && all != 0
                ? RopeScaling.YarnAttention(factor, own) / RopeScaling.YarnAttention(factor, all)
                : RopeScaling.YarnAttention(factor, 1));
        return RopeScaling.Yarn(
            dimensions,
            theta,
            factor,
            original,
            scaling.PositiveDouble("beta_fast", 32),
            scaling.PositiveDouble("beta_slow", 1),
            scaling.Bool("truncate", true),
            attention);
    }

    private static RopeSpec LongRope(ConfigReader scaling, int dimensions, double theta, int maximumPositions, int? originalPositions)
    {
        var factor = originalPositions is { } before ? (double)maximumPositions / before : Factor(scaling);
        var original = originalPositions ?? maximumPositions;
        var attention = scaling.OptionalDouble("attention_factor")
            ?? (factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(original)));
        return RopeScaling.LongRope(dimensions, theta, Factors("short_factor"), Factors("long_factor"), original, attention);

        double[] Factors(string key)
        {
            var factors = scaling.OptionalNumbers(key);
            return factors?.Length == dimensions / 2 && factors.All(value => value > 0)
                ? factors
                : throw scaling.Invalid(key, $"a list of {dimensions / 2} numbers above 0, one for each pair of rotated channels");
        }
    }

    private static double Factor(ConfigReader scaling) => Required(scaling, "factor");

    private static double Required(ConfigReader scaling, string key) =>
        scaling.Has(key) ? scaling.PositiveDouble(key, 1) : throw scaling.Invalid(key, "a number above 0");
}
