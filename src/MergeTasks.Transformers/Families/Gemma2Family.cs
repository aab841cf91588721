using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Gemma 2 (arXiv 2408.00118): norms before and after both parts, soft caps, a window in every other layer.</summary>
internal sealed class Gemma2Family : DecoderFamily
{
    public override string ModelType => "gemma2";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(256000, 2304, 9216, 26, 8, 4, 8192, HeadSize: 256));
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var bias = config.Bool("attention_bias", false);
        var activation = config.Activation("hidden_activation", "gelu_pytorch_tanh");
        var scale = 1 / Math.Sqrt(config.PositiveDouble("query_pre_attn_scalar", 256));
        var window = config.Mentions("sliding_window") ? config.OptionalInt("sliding_window") : 4096;
        var slides = SlidingLayers(config, shape.Layers, layer => layer % 2 == 0);
        var scoreCap = Cap("attn_logit_softcapping", 50);
        var finalCap = Cap("final_logit_softcapping", 30);
        var rope = RopeReader.Read(config, shape.Size, 10000);
        var decoder = Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", true), Layer, Norm("model.norm"));
        return decoder with
        {
            Embedding = decoder.Embedding with { Scale = MathF.Sqrt(shape.Hidden) },
            Head = decoder.Head with { ScoreCap = finalCap },
        };

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = Norm($"{at}.input_layernorm"),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, bias) with
            {
                Rope = rope,
                Scale = scale,
                ScoreCap = scoreCap,
                Window = slides(index) ? window : null,
            },
            AttentionOutputNorm = Norm($"{at}.post_attention_layernorm"),
            FeedForwardNorm = Norm($"{at}.pre_feedforward_layernorm"),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
            FeedForwardOutputNorm = Norm($"{at}.post_feedforward_layernorm"),
        };

        NormSpec Norm(string module) => NormSpec.Rms(module, shape.Hidden, epsilon) with { WeightOffset = 1 };

        double? Cap(string key, double absent) => config.Mentions(key) && !config.Has(key) ? null : config.PositiveDouble(key, absent);
    }
}
