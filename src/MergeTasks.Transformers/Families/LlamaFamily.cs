using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Llama 1 to 3.2 (arXiv 2302.13971) and the many models that use its layout.</summary>
internal sealed class LlamaFamily : DecoderFamily
{
    public override string ModelType => "llama";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(32000, 4096, 11008, 32, 32, 0, 2048));
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var attentionBias = config.Bool("attention_bias", false);
        var mlpBias = config.Bool("mlp_bias", false);
        var activation = config.Activation("hidden_act", "silu");
        var rope = RopeReader.Read(config, shape.Size, 10000);
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = NormSpec.Rms($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, attentionBias, attentionBias) with { Rope = rope },
            FeedForwardNorm = NormSpec.Rms($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation, mlpBias),
        };
    }
}
