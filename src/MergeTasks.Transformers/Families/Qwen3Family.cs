using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Qwen 3 (arXiv 2505.09388) and the language models of its vision models: Llama's layout with a norm on each head's queries and keys.
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class Qwen3Family(string modelType) : DecoderFamily
{
    public override string ModelType => modelType;

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(151936, 4096, 22016, 32, 32, 32, 32768, HeadSize: 128));
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var bias = config.Bool("attention_bias", false);
        var activation = config.Activation("hidden_act", "silu");
        var window = Qwen2Family.QwenWindow(config, shape.Layers);
        var rope = Qwen2Family.Rope(config, shape, modelType);
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = NormSpec.Rms($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, bias) with
            {
                Rope = rope,
                Window = window(index),
                QueryNorm = HeadNorm($"{at}.self_attn.q_norm"),
                KeyNorm = HeadNorm($"{at}.self_attn.k_norm"),
            },
            FeedForwardNorm = NormSpec.Rms($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
        };

        HeadNormSpec HeadNorm(string module) => new(NormSpec.Rms(module, shape.HeadSize, epsilon), HeadNormScope.EachHead);
    }
}
