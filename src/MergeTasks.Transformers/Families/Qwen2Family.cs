using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Qwen 1.5 to 2.5 (arXiv 2407.10671): Llama's layout with biases on queries, keys and values.</summary>
internal sealed class Qwen2Family : DecoderFamily
{
    public override string ModelType => "qwen2";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(151936, 4096, 22016, 32, 32, 32, 32768));
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var activation = config.Activation("hidden_act", "silu");
        var window = QwenWindow(config, shape.Layers);
        var rope = RopeReader.Read(config, shape.HeadSize, shape.MaximumPositions, theta: 10000);
        return Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = NormSpec.Rms($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, true, false) with { Rope = rope, Window = window(index) },
            FeedForwardNorm = NormSpec.Rms($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
        };
    }

    /// <summary>Qwen's window: off unless <c>use_sliding_window</c>, and then from layer <c>max_window_layers</c> on.</summary>
    internal static Func<int, int?> QwenWindow(ConfigReader config, int layers)
    {
        if (!config.Bool("use_sliding_window", false))
            return _ => null;
        int? size = config.Mentions("sliding_window") ? config.OptionalInt("sliding_window") : 4096;
        var fullLayers = config.Int("max_window_layers", 28, minimum: 0);
        var slides = SlidingLayers(config, layers, layer => layer >= fullLayers);
        return layer => slides(layer) ? size : null;
    }
}
