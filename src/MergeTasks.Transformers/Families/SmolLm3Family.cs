using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>SmolLM 3: Llama's layout, some layers without rotary positions, optionally a window.</summary>
internal sealed class SmolLm3Family : DecoderFamily
{
    public override string ModelType => "smollm3";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(128256, 2048, 11008, 36, 16, 4, 32768));
        var bias = config.Bool("attention_bias", false);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-6), config.Activation("hidden_act", "silu"))
        {
            InputBias = bias,
            OutputBias = bias,
            MlpBias = config.Bool("mlp_bias", false),
        };
        var rope = RopeReader.Read(config, shape.Size, 2000000);
        var rotates = RotatingLayers(config, shape.Layers);
        var isOn = config.Bool("use_sliding_window", false);
        var window = Window(config, null);
        var slides = SlidingLayers(config, shape.Layers, layer => !rotates(layer));
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", true), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index) => Parts.LlamaLayer(at, shape, style with
        {
            Rope = rotates(index) ? rope : null,
            Window = isOn && slides(index) ? window : null,
        });
    }

    /// <summary>Which layers rotate: a list of 1 and 0, or all but every so many.</summary>
    internal static Func<int, bool> RotatingLayers(ConfigReader config, int layers)
    {
        var interval = config.Int("no_rope_layer_interval", 4);
        if (config.OptionalInts("no_rope_layers") is not { Length: > 0 } list)
            return layer => (layer + 1) % interval != 0;
        return list.Length >= layers
            ? layer => list[layer] != 0
            : throw config.Invalid("no_rope_layers", $"a list of at least {layers} numbers, one for each layer");
    }
}
