using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Gemma 3 (arXiv 2503.19786): Gemma 2's layers with norms on queries and keys, five of six with a window and positions of their own.
/// </summary>
internal sealed class Gemma3Family : DecoderFamily
{
    public override string ModelType => "gemma3_text";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(262208, 2304, 9216, 26, 8, 4, 131072, HeadSize: 256));
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var bias = config.Bool("attention_bias", false);
        var activation = config.Activation("hidden_activation", "gelu_pytorch_tanh");
        var scale = 1 / Math.Sqrt(config.PositiveDouble("query_pre_attn_scalar", 256));
        var window = Window(config, 4096);
        var pattern = config.OptionalInt("sliding_window_pattern") ?? config.Int("_sliding_window_pattern", 6);
        var slides = SlidingLayers(config, shape.Layers, layer => (layer + 1) % pattern != 0);
        var ropes = RopeByLayer(config, shape, new RopeDefaults(1000000), config.PositiveDouble("rope_local_base_freq", 10000));
        // The reference has this key, and no use for it.
        config.Ignore("attn_logit_softcapping");
        var decoder = Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", true), Layer, Norm("model.norm", shape.Hidden));
        return decoder with
        {
            Embedding = decoder.Embedding with { Scale = MathF.Sqrt(shape.Hidden) },
            Head = decoder.Head with
            {
                ScoreCap = config.Has("final_logit_softcapping") ? config.PositiveDouble("final_logit_softcapping", 1) : null
            },
        };

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = Norm($"{at}.input_layernorm", shape.Hidden),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, bias) with
            {
                Rope = slides(index) ? ropes.Sliding : ropes.Full,
                Scale = scale,
                Window = slides(index) ? window : null,
                QueryNorm = new(Norm($"{at}.self_attn.q_norm", shape.HeadSize), HeadNormScope.EachHead),
                KeyNorm = new(Norm($"{at}.self_attn.k_norm", shape.HeadSize), HeadNormScope.EachHead),
            },
            AttentionOutputNorm = Norm($"{at}.post_attention_layernorm", shape.Hidden),
            FeedForwardNorm = Norm($"{at}.pre_feedforward_layernorm", shape.Hidden),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
            FeedForwardOutputNorm = Norm($"{at}.post_feedforward_layernorm", shape.Hidden),
        };

        NormSpec Norm(string module, int width) => NormSpec.Rms(module, width, epsilon) with { WeightOffset = 1 };
    }
}
