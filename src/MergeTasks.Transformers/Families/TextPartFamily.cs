using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>The language model of a folder that holds encoders of images or sound beside it; these are left alone.</summary>
/// <param name="modelType">The value of <c>model_type</c> of the folder.</param>
/// <param name="textTypes">The values of <c>model_type</c> that its <c>text_config</c> may have, the usual one first.</param>
internal sealed class TextPartFamily(string modelType, params string[] textTypes) : Family
{
    public override string ModelType => modelType;

    public override TransformerSpec Describe(ConfigReader config)
    {
        var architectures = config.OptionalTexts("architectures") ?? [];
        if (architectures.Length > 0
            && !Array.Exists(architectures, name => name.EndsWith("ForConditionalGeneration", StringComparison.Ordinal)))
        {
            throw new ModelException(
                ModelError.UnknownFamily,
                $"'{config.Path}': the engine runs the language model of {modelType} as its ForConditionalGeneration, not of {string.Join(", ", architectures)}.",
                config.Path);
        }

        // The first configurations of some families hold the language model's keys themselves.
        var text = config.Section("text_config")?.Under(config, "tie_word_embeddings") ?? config;
        var type = ReferenceEquals(text, config) ? textTypes[0] : text.OptionalText("model_type") ?? textTypes[0];
        if (!textTypes.Contains(type))
            throw text.Unsupported("model_type", string.Join(" or ", textTypes.Select(known => $"\"{known}\"")));
        config.Ignore(
            "vision_config", "audio_config", "boi_token_index", "eoi_token_index", "image_token_index", "image_token_id", "video_token_id");
        config.Ignore(
            "vision_start_token_id", "vision_end_token_id", "mm_tokens_per_image", "multimodal_projector_bias", "projector_hidden_act");
        config.Ignore(
            "spatial_merge_size",
            "vision_feature_layer",
            "audio_token_id",
            "boa_token_id",
            "boi_token_id",
            "eoa_token_index",
            "eoi_token_id");
        return KnownFamilies.Of(type).Describe(text) with { OuterName = "language_model." };
    }
}
