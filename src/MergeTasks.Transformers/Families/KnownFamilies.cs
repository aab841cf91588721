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
        new MixtralFamily("mixtral"),
        new MixtralFamily("phimoe"),
        new QwenMoeFamily("qwen2_moe"),
        new QwenMoeFamily("qwen3_moe"),
        new OlmoeFamily(),
        new ErnieMoeFamily(),
        new DeepSeekMoeFamily(),
        new DeepSeekFamily("deepseek_v2"),
        new DeepSeekFamily("deepseek_v3"),
        new DeepSeekFamily("glm4_moe_lite"),
        new GlmMoeFamily(),
        new GptOssFamily(),
        new Llama4Family(),
        new MiniMaxFamily(),
        new Qwen2Family("qwen2"),
        new Qwen2Family("qwen2_5_vl_text"),
        new Qwen3Family("qwen3"),
        new Qwen3Family("qwen3_vl_text"),
        new GemmaFamily(),
        new Gemma2Family(),
        new PhiFamily(),
        new Phi3Family(),
        new OlmoFamily(),
        new Olmo2Family(),
        new StableLmFamily(),
        new Starcoder2Family(),
        new LlamaVariantFamily("seed_oss"),
        new LlamaVariantFamily("arcee"),
        new LlamaVariantFamily("ernie4_5"),
        new SmolLm3Family(),
        new MinistralFamily(),
        new Ministral3Family(),
        new GraniteFamily("granite"),
        new GraniteFamily("granitemoe"),
        new GraniteFamily("granitemoehybrid"),
        new GlmFamily("glm"),
        new GlmFamily("glm4"),
        new Olmo3Family(),
        new CohereFamily("cohere"),
        new CohereFamily("cohere2"),
        new Gemma3Family(),
        new Gemma3nFamily(),
        new Gemma4Family(),
        new Exaone4Family(),
        new HunyuanFamily(),
        new NemotronFamily(),
        new ApertusFamily(),
        new TextPartFamily("gemma3", "gemma3_text"),
        new TextPartFamily("gemma3n", "gemma3n_text"),
        new TextPartFamily("gemma4", "gemma4_text"),
        new TextPartFamily("mistral3", "mistral", "ministral3"),
        new TextPartFamily("qwen2_5_vl", "qwen2_5_vl_text"),
        new TextPartFamily("qwen3_vl", "qwen3_vl_text"),
        new TextPartFamily("qwen3_5", "qwen3_5_text"),
        new TextPartFamily("qwen3_5_moe", "qwen3_5_moe_text"),
        new QwenNextFamily("qwen3_next"),
        new QwenNextFamily("qwen3_5_text"),
        new QwenNextFamily("qwen3_5_moe_text"),
        new Lfm2Family("lfm2"),
        new Lfm2Family("lfm2_moe"),
        new Gpt2Family(),
        new GptNeoXFamily(),
        new BertFamily(),
        new RobertaFamily("roberta", "Roberta"),
        new RobertaFamily("xlm-roberta", "XLMRoberta"),
        new RobertaFamily("camembert", "Camembert", 30522),
        new DistilBertFamily(),
        new ElectraFamily(),
        new AlbertFamily(),
        new MpNetFamily(),
        new ModernBertFamily(),
        new DebertaFamily(),
        new FalconFamily(),
        new BloomFamily(),
        new OptFamily(),
        new MptFamily(),
        new GptJFamily("gptj"),
        new GptJFamily("codegen"),
    ];

    /// <summary>The values of <c>model_type</c> that are known, in order.</summary>
    public static IReadOnlyList<string> ModelTypes { get; } = [.. All.Select(family => family.ModelType).Order(StringComparer.Ordinal)];

    /// <summary>The family of a language model inside another model.</summary>
    internal static Family Of(string modelType) => All.First(family => family.ModelType == modelType);

    /// <summary>Describes the model that a configuration means.</summary>
    /// <exception cref="ModelException">The family or a value is not one that the engine computes.</exception>
    public static TransformerSpec Describe(ConfigReader config)
    {
        var type = config.OptionalText("model_type");
        var family = All.FirstOrDefault(family => family.ModelType == type)
            ?? throw new ModelException(
                ModelError.UnknownFamily,
                $"'{config.Path}': the engine cannot run model_type {(type is null ? "(absent)" : $"'{type}'")}; it "
                    + $"runs {string.Join(", ", ModelTypes)}.",
                config.Path);
        if (config.Has("quantization_config"))
            throw config.Unsupported("quantization_config", "weights that are not quantized");
        if (config.Bool("is_encoder_decoder", false))
            throw config.Unsupported("is_encoder_decoder", "false");
        return family.Describe(config);
    }
}
