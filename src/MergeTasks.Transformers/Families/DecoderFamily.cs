using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>A family of decoders, which are run as language models only.</summary>
internal abstract class DecoderFamily : Family
{
    /// <inheritdoc/>
    public sealed override TransformerSpec Describe(ConfigReader config)
    {
        config = config.Naming(OtherNames);
        // Embedding models made of decoders switch the causal order off with one of these.
        if (!config.Bool("is_causal", true))
            throw config.Unsupported("is_causal", "true");
        // Of text, "vision" means nothing: only an image's tokens see each other.
        var isOfImages = config.IsText("use_bidirectional_attention") && config.OptionalText("use_bidirectional_attention") == "vision";
        if (!isOfImages && (config.IsText("use_bidirectional_attention") || config.Bool("use_bidirectional_attention", false)))
            throw config.Unsupported("use_bidirectional_attention", "false");
        var architectures = config.OptionalTexts("architectures") ?? [];
        if (architectures.Length > 0 && !Array.Exists(architectures, IsLanguageModel))
        {
            throw new ModelException(
                ModelError.UnknownFamily,
                $"'{config.Path}': the engine runs {ModelType} as a language model only, not as {string.Join(", ", architectures)}.",
                config.Path);
        }

        return DescribeDecoder(config);
    }

    /// <summary>Describes the language model.</summary>
    protected abstract TransformerSpec DescribeDecoder(ConfigReader config);

    /// <summary>A window's size, which has a default; null where it is switched off.</summary>
    protected static int? Window(ConfigReader config, int? absent) =>
        config.Mentions("sliding_window") ? config.OptionalInt("sliding_window") : absent;

    /// <summary>Refuses a window of nothing, which files may give where it is switched off.</summary>
    internal static int? OpenWindow(ConfigReader config, int? size) =>
        size != 0 ? size : throw config.Invalid("sliding_window", "at least 1 where layers slide");

    /// <summary>Which layers see a limited window, where a list <c>layer_types</c> may say so.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="slides">The rule without the list.</param>
    internal static Func<int, bool> SlidingLayers(ConfigReader config, int layers, Func<int, bool> slides)
    {
        const string sliding = "sliding_attention";
        const string full = "full_attention";
        if (config.OptionalTexts("layer_types") is not { } types)
            return slides;
        if (types.Length != layers)
            throw config.Invalid("layer_types", $"a list of {layers} entries, one for each layer");
        return Array.TrueForAll(types, type => type is sliding or full)
            ? layer => types[layer] == sliding
            : throw config.Unsupported("layer_types", $"\"{full}\" and \"{sliding}\"");
    }

    /// <summary>
    /// Rotary positions of layers without and with a window. Settings may be given for each; else they are those of layers without one, and
    /// layers with one rotate plainly.
    /// </summary>
    /// <param name="config">The configuration.</param>
    /// <param name="shape">Sizes.</param>
    /// <param name="defaults">What the family knows of layers without a window.</param>
    /// <param name="slidingTheta">The base of layers with a window where no settings of their own give it.</param>
    internal static (RopeSpec Full, RopeSpec Sliding) RopeByLayer(
        ConfigReader config, DecoderShape shape, RopeDefaults defaults, double slidingTheta)
    {
        if (!config.Has("rope_parameters"))
            return (RopeReader.Read(config, shape.Size, defaults), RopeSpec.Plain(shape.HeadSize, slidingTheta));
        if (!RopeReader.IsByLayer(config))
            throw config.Invalid("rope_parameters", "an object with one for each kind of layer");
        if (config.Has("rope_scaling"))
            throw config.Unsupported("rope_scaling", "null beside 'rope_parameters'");
        defaults = defaults with { HasPlainKinds = true };
        return (
            RopeReader.Read(config, shape.Size, defaults with { LayerType = "full_attention" }),
            RopeReader.Read(
                config, shape.Size, defaults with { LayerType = "sliding_attention", Theta = slidingTheta, FamilyTheta = true }));
    }

    private static bool IsLanguageModel(string architecture) =>
        architecture.EndsWith("ForCausalLM", StringComparison.OrdinalIgnoreCase)
            || architecture.EndsWith("LMHeadModel", StringComparison.Ordinal);
}
