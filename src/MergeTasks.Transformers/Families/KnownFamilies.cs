using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>The families that the engine runs, and the choice among them.</summary>
internal static class KnownFamilies
{
    private static readonly Family[] All =
    [
        new LlamaFamily(),
        new MistralFamily(),
        new MixtralFamily(),
        new Qwen2Family(),
        new Qwen3Family(),
        new GemmaFamily(),
        new Gemma2Family(),
        new PhiFamily(),
        new Phi3Family(),
        new OlmoFamily(),
        new Olmo2Family(),
        new StableLmFamily(),
        new Starcoder2Family(),
        new Gpt2Family(),
        new GptNeoXFamily(),
        new BertFamily(),
        new RobertaFamily(),
        new DistilBertFamily(),
    ];

    /// <summary>The values of <c>model_type</c> that are known, in order.</summary>
    public static IReadOnlyList<string> ModelTypes { get; } = [.. All.Select(family => family.ModelType).Order(StringComparer.Ordinal)];

    /// <summary>Describes the model that a configuration means.</summary>
    /// <exception cref="ModelException">The family or a value is not one that the engine computes.</exception>
    public static TransformerSpec Describe(ConfigReader config)
    {
        var type = config.OptionalText("model_type");
        var family = All.FirstOrDefault(family => family.ModelType == type)
            ?? throw new ModelException(
                ModelError.UnknownFamily,
                $"'{config.Path}': the engine cannot run model_type {(type is null ? "(absent)" : $"'{type}'")}; it runs {string.Join(", ", ModelTypes)}.",
                config.Path);
        if (config.Has("quantization_config"))
            throw config.Unsupported("quantization_config", "weights that are not quantized");
        if (config.Bool("is_encoder_decoder", false))
            throw config.Unsupported("is_encoder_decoder", "false");
        return family.Describe(config);
    }
}
