using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Qwen 1.5 to 2.5 (arXiv 2407.10671) and the language models of its vision models: Llama's layout with biases on queries, keys and values.
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class Qwen2Family(string modelType) : DecoderFamily
{
    /// <summary>Positions of text alone are plain, however rotation is divided between text and images.</summary>
    internal static readonly RopeDefaults TextPositions = new(10000) { Aliases = new Dictionary<string, string> { ["mrope"] = "default" } };

    public override string ModelType => modelType;

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(151936, 4096, 22016, 32, 32, 32, 32768));
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var activation = config.Activation("hidden_act", "silu");
        var window = QwenWindow(config, shape.Layers);
        var rope = Rope(config, shape, modelType);
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = NormSpec.Rms($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, true, false) with { Rope = rope, Window = window(index) },
            FeedForwardNorm = NormSpec.Rms($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
        };
    }

    /// <summary>Rotary positions, in vision models those of text.</summary>
    internal static RopeSpec Rope(ConfigReader config, DecoderShape shape, string modelType)
    {
        if (!modelType.EndsWith("_text", StringComparison.Ordinal))
            return RopeReader.Read(config, shape.Size, 10000);
        RopeReader.Section(config, TextPositions)?.Ignore("mrope_section", "mrope_interleaved");
        return RopeReader.Read(config, shape.Size, TextPositions);
    }

    /// <summary>Qwen's window: off unless <c>use_sliding_window</c>, and then from layer <c>max_window_layers</c> on.</summary>
    internal static Func<int, int?> QwenWindow(ConfigReader config, int layers)
    {
        var isOn = config.Bool("use_sliding_window", false);
        var size = config.Mentions("sliding_window") ? config.OptionalInt("sliding_window", minimum: 0) : 4096;
        var fullLayers = config.Int("max_window_layers", 28, minimum: 0);
        var slides = SlidingLayers(config, layers, layer => layer >= fullLayers);
        return layer => isOn && slides(layer) ? OpenWindow(config, size) : null;
    }
}
