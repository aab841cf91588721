using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Configuration;

/// <summary>What a family knows of its rotary positions beside the configuration.</summary>
/// <param name="Theta">The base where no key gives it.</param>
internal sealed record RopeDefaults(double Theta)
{
    /// <summary>The rotated share of each head, from its first channel on; null where plain rotation always takes whole heads.</summary>
    public double? Fraction { get; init; }

    /// <summary>The length before extension where no key gives it.</summary>
    public int? OriginalPositions { get; init; }

    /// <summary>Whether <see cref="Theta"/> outranks <c>rope_theta</c>, because the family has a key of its own for it.</summary>
    public bool FamilyTheta { get; init; }

    /// <summary>Type names that the family uses for another type.</summary>
    public IReadOnlyDictionary<string, string>? Aliases { get; init; }

    /// <summary>The settings where the configuration has none, as JSON.</summary>
    public string? Settings { get; init; }

    /// <summary>The kind of layer whose settings are meant, in families that may have one set for each kind.</summary>
    public string? LayerType { get; init; }

    /// <summary>Whether a kind of layer that the settings leave out rotates plainly.</summary>
    public bool HasPlainKinds { get; init; }
}

/// <summary>
/// Reads rotary position settings in every published spelling: <c>rope_theta</c> with <c>rope_scaling</c> (old key <c>type</c>, newer
/// <c>rope_type</c>), and the newest object <c>rope_parameters</c>, which may hold one object for each kind of layer.
/// </summary>
internal static class RopeReader
{
    private const string Types = "default, linear, dynamic, llama3, yarn, longrope or proportional";

    /// <summary>Reads the settings of a family that knows no more than its base.</summary>
    public static RopeSpec Read(ConfigReader config, DecoderSize size, double theta) => Read(config, size, new RopeDefaults(theta));

    /// <summary>Reads the settings of one model, or of one kind of layer.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="size">Channels of one head, and the model's longest sequence.</param>
    /// <param name="defaults">What the family knows.</param>
    public static RopeSpec Read(ConfigReader config, DecoderSize size, RopeDefaults defaults)
    {
        var (scaling, isNewest) = SettingsOf(config, defaults);
        var theta = scaling?.OptionalDouble("rope_theta")
            ?? (defaults.FamilyTheta ? defaults.Theta : config.PositiveDouble("rope_theta", defaults.Theta));
        if (theta <= 0)
            throw scaling!.Invalid("rope_theta", "above 0");
        var type = scaling is null ? "default" : TypeOf(scaling, isNewest, defaults.Aliases);
        if (type == "proportional")
        {
            return Proportional(
                scaling!, size.Head, theta, defaults.Fraction ?? config.OptionalDouble("partial_rotary_factor") ?? 1);
        }

        var share = Share(config, scaling, defaults.Fraction, type);
        var dimensions = (int)(size.Head * share);
        if (dimensions < 2 || dimensions > size.Head || dimensions % 2 != 0)
        {
            throw new ModelException(
                ModelError.BadConfiguration,
                $"'{config.Path}': a rotary fraction of {share} rotates {dimensions} of {size.Head} channels per head; it must be an "
                    + "even number from 2 on.",
                config.Path);
        }

        var original = OriginalPositions(config, scaling, defaults);
        if (scaling is null)
            return RopeSpec.Plain(dimensions, theta);
        return type switch
        {
            "default" => RopeSpec.Plain(dimensions, theta),
            "linear" => RopeSpec.Plain(dimensions, theta).Slowed(Factor(scaling)),
            "dynamic" => Dynamic(scaling, dimensions, theta, size.Positions),
            "llama3" => RopeScaling.Llama3(
                dimensions,
                theta,
                Factor(scaling),
                Required(scaling, "low_freq_factor"),
                Required(scaling, "high_freq_factor"),
                original ?? size.Positions),
            "yarn" => Yarn(scaling, dimensions, theta, size.Positions, original, byLayer: defaults.LayerType is not null),
            "longrope" => LongRope(scaling, dimensions, theta, size.Positions, original),
            _ => throw scaling.Unsupported(scaling.Has("rope_type") ? "rope_type" : "type", Types),
        };
    }

    // The reference lets a key beside the settings outrank the one inside, and so a default of that key; not those of one kind of layer.
    private static int? OriginalPositions(ConfigReader config, ConfigReader? scaling, RopeDefaults defaults)
    {
        const string key = "original_max_position_embeddings";
        var inside = scaling?.OptionalInt(key);
        if (defaults.LayerType is not null && IsByLayer(config))
            return inside;
        return config.OptionalInt(key) ?? (config.Mentions(key) ? inside : null) ?? defaults.OriginalPositions ?? inside;
    }

    /// <summary>The section that holds the settings; null where there is none.</summary>
    public static ConfigReader? Section(ConfigReader config, RopeDefaults defaults) => SettingsOf(config, defaults).Scaling;

    /// <summary>Whether the settings stand in one object for each kind of layer.</summary>
    public static bool IsByLayer(ConfigReader config) =>
        config.Section("rope_parameters") is { } settings && IsByLayer(settings.Has);

    private static bool IsByLayer(Func<string, bool> has) => has("full_attention") || has("sliding_attention");

    private static (ConfigReader? Scaling, bool IsNewest) SettingsOf(ConfigReader config, RopeDefaults defaults)
    {
        var key = KeyOf(config, defaults);
        var scaling = Filled(config, key);
        if (scaling is not null && IsByLayer(scaling.Has))
        {
            if (defaults.LayerType is null)
                throw config.Unsupported(key, "one set of settings for all layers");
            var own = scaling.Section(defaults.LayerType);
            return own is not null || defaults.HasPlainKinds
                ? (own, true)
                : throw config.Invalid(key, $"an object with \"{defaults.LayerType}\", which some layers are");
        }

        return scaling is null && !config.Has(key) && defaults.Settings is { } absent
            ? (Absent(config.Substitute("rope_parameters", absent)), true)
            : (scaling, key == "rope_parameters");

        ConfigReader Absent(ConfigReader settings) =>
            defaults.LayerType is { } kind && settings.Has(kind) ? settings.Section(kind)! : settings;
    }

    // Where both are there, the reference takes the older one, except for settings by kind of layer.
    private static string KeyOf(ConfigReader config, RopeDefaults defaults)
    {
        var (hasOlder, hasNewer) = (Filled(config, "rope_scaling") is not null, Filled(config, "rope_parameters") is not null);
        return hasOlder && (defaults.LayerType is null || !hasNewer) ? "rope_scaling" : "rope_parameters";
    }

    // An empty object means none to the reference.
    private static ConfigReader? Filled(ConfigReader config, string key) =>
        config.Section(key) is { } settings && settings.Keys.Any() ? settings : null;

    // Plain rotation of a family without a fraction takes whole heads, whatever the key says: so does the reference.
    private static double Share(ConfigReader config, ConfigReader? scaling, double? fraction, string type)
    {
        var newest = scaling?.OptionalDouble("partial_rotary_factor");
        if (fraction is { } share)
            return newest ?? share;
        var given = newest ?? config.OptionalDouble("partial_rotary_factor");
        if (type != "default" && given is not (null or 1))
            throw (newest is null ? config : scaling!).Unsupported("partial_rotary_factor", "1 in this family");
        return 1;
    }

    private static string TypeOf(ConfigReader scaling, bool isNewest, IReadOnlyDictionary<string, string>? aliases)
    {
        var newer = Canonical(scaling.OptionalText("rope_type"));
        var older = Canonical(scaling.OptionalText("type"));
        if (newer is not null && older is not null && newer != older)
            throw scaling.Invalid("rope_type", $"the same as 'type' (\"{older}\") where both are given");
        return newer ?? older ?? (isNewest ? "default" : throw scaling.Invalid("rope_type", Types));

        string? Canonical(string? name) =>
            name is not null && aliases is not null && aliases.TryGetValue(name, out var known) ? known : name;
    }

    private static RopeSpec Proportional(ConfigReader scaling, int channels, double theta, double absentShare)
    {
        var share = scaling.Double("partial_rotary_factor", absentShare);
        return share is >= 0 and <= 1 && channels % 2 == 0
            ? RopeScaling.Proportional(channels, theta, (int)Math.Floor(share * channels / 2), scaling.PositiveDouble("factor", 1))
            : throw scaling.Invalid("partial_rotary_factor", "from 0 to 1, of heads with an even number of channels");
    }

    private static RopeSpec Dynamic(ConfigReader scaling, int dimensions, double theta, int maximumPositions)
    {
        var factor = Factor(scaling);
        return factor >= 1 && dimensions > 2
            ? RopeScaling.Dynamic(dimensions, theta, factor, maximumPositions)
            : throw scaling.Invalid("factor", "at least 1, for more than one pair of rotated channels, where the type is \"dynamic\"");
    }

    // Where each kind of layer has its own settings, the reference does not find 'truncate' in them.
    private static RopeSpec Yarn(
        ConfigReader scaling, int dimensions, double theta, int maximumPositions, int? originalPositions, bool byLayer)
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
            scaling.Bool("truncate", true) || byLayer,
            attention);
    }

    private static RopeSpec LongRope(ConfigReader scaling, int dimensions, double theta, int maximumPositions, int? originalPositions)
    {
        var factor = originalPositions is { } before && !scaling.Has("factor") ? (double)maximumPositions / before : Factor(scaling);
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

/// <summary>What rotary positions depend on.</summary>
/// <param name="Head">Channels of one head that may be rotated.</param>
/// <param name="Positions">The model's longest sequence.</param>
internal readonly record struct DecoderSize(int Head, int Positions);
