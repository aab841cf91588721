using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>StarCoder 2 (arXiv 2402.19173): layer norms, biases, an ungated feed-forward part, optionally a window.</summary>
internal sealed class Starcoder2Family : DecoderFamily
{
    public override string ModelType => "starcoder2";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(49152, 3072, 12288, 30, 24, 2, 4096));
        var epsilon = config.Double("norm_epsilon", 1e-5);
        var bias = config.Bool("use_bias", true);
        var activation = config.Activation("hidden_act", "gelu_pytorch_tanh");
        var window = config.OptionalInt("sliding_window");
        var rope = RopeReader.Read(config, shape.Size, 10000);
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", true), Layer, NormSpec.Layer("model.norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = NormSpec.Layer($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, bias) with { Rope = rope, Window = window },
            FeedForwardNorm = NormSpec.Layer($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = new MlpSpec(
                new($"{at}.mlp.c_fc", shape.Hidden, shape.Intermediate, bias),
                new($"{at}.mlp.c_proj", shape.Intermediate, shape.Hidden, bias),
                activation),
        };
    }
}
