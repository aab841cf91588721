using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// EXAONE 4 (arXiv 2507.11407): norms after both parts and on each head's queries and keys; where some layers have a window, the others do
/// not rotate.
/// </summary>
internal sealed class Exaone4Family : DecoderFamily
{
    public override string ModelType => "exaone4";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(102400, 4096, 16384, 32, 32, 32, 2048));
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        {
            Rope = RopeReader.Read(config, shape.Size, 10000),
        };
        var window = Window(config, 4096);
        var slides = SlidingLayers(config, shape.Layers, Pattern(config, window));
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index)
        {
            var layer = Parts.LlamaLayer(at, shape, style with
            {
                Rope = window is null || slides(index) ? style.Rope : null,
                Window = slides(index) ? window : null,
            });
            return layer.Attending(attention => attention.WithHeadNorms($"{at}.self_attn", style.Epsilon)) with
            {
                AttentionNorm = null,
                AttentionOutputNorm = layer.FeedForwardNorm,
                FeedForwardNorm = null,
                FeedForwardOutputNorm = NormSpec.Rms($"{at}.post_feedforward_layernorm", shape.Hidden, style.Epsilon),
            };
        }
    }

    // Published as a number, or as letters of which the last stands for the layer without a window; then layer_types says the same.
    private static Func<int, bool> Pattern(ConfigReader config, int? window)
    {
        if (config.Has("layer_types"))
        {
            config.Ignore("sliding_window_pattern");
            return _ => false;
        }

        var pattern = window is null ? 0 : config.Int("sliding_window_pattern", 4, minimum: 0);
        return layer => pattern > 0 && (layer + 1) % pattern != 0;
    }
}
