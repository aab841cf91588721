using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>OLMo 3: OLMo 2's layers, three of four with a window, and extended positions in the others only.</summary>
internal sealed class Olmo3Family : DecoderFamily
{
    public override string ModelType => "olmo3";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(50304, 4096, 11008, 32, 32, 0, 2048));
        var bias = config.Bool("attention_bias", false);
        var style = new LlamaStyle(
            config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        { InputBias = bias, OutputBias = bias };
        var window = Window(config, 4096);
        var slides = SlidingLayers(config, shape.Layers, layer => (layer + 1) % 4 != 0);
        var ropes = RopeByLayer(config, shape, new RopeDefaults(500000), config.PositiveDouble("rope_theta", 500000));
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index) => Olmo2Family.Layer(at, shape, style with
        {
            Rope = slides(index) ? ropes.Sliding : ropes.Full,
            Window = slides(index) ? window : null,
        });
    }
}
