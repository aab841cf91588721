using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>OLMo (arXiv 2402.00838): Llama's layout with layer norms that have no parameters, and clamped projections.</summary>
internal sealed class OlmoFamily : DecoderFamily
{
    private const double Epsilon = 1e-5;

    public override string ModelType => "olmo";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(50304, 4096, 11008, 32, 32, 0, 2048));
        var bias = config.Bool("attention_bias", false);
        var activation = config.Activation("hidden_act", "silu");
        double? clip = config.Has("clip_qkv") ? config.PositiveDouble("clip_qkv", 0) : null;
        var rope = RopeReader.Read(config, shape.Size, 10000);
        return Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", false), Layer, Norm("model.norm"));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = Norm($"{at}.input_layernorm"),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, bias) with { Rope = rope, Clip = clip },
            FeedForwardNorm = Norm($"{at}.post_attention_layernorm"),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
        };

        NormSpec Norm(string module) => new(module, NormKind.Layer, shape.Hidden, Epsilon, Weighted: false);
    }
}
