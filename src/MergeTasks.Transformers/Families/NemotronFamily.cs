using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Nemotron (arXiv 2402.16819): layer norms that multiply by 1 + w, half of each head rotated, squared ReLU without a gate.
/// </summary>
internal sealed class NemotronFamily : DecoderFamily
{
    public override string ModelType => "nemotron";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(256000, 6144, 24576, 32, 48, 0, 4096));
        var epsilon = config.Double("norm_eps", 1e-5);
        var bias = config.Bool("attention_bias", false);
        var mlpBias = config.Bool("mlp_bias", false);
        var activation = config.Activation("hidden_act", "relu2");
        var rope = RopeReader.Read(
            config, shape.Size, new RopeDefaults(10000) { Fraction = config.PositiveDouble("partial_rotary_factor", 0.5) });
        return Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", false), Layer, Norm("model.norm"));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = Norm($"{at}.input_layernorm"),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, bias) with { Rope = rope },
            FeedForwardNorm = Norm($"{at}.post_attention_layernorm"),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation, mlpBias) with { Gate = null },
        };

        NormSpec Norm(string module) => NormSpec.Layer(module, shape.Hidden, epsilon) with { WeightOffset = 1 };
    }
}
