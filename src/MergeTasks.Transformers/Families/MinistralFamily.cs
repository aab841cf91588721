using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Ministral: Mistral's layers, of which some see a window and others all.</summary>
internal sealed class MinistralFamily : DecoderFamily
{
    public override string ModelType => "ministral";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(32000, 4096, 14336, 32, 32, 8, 4096 * 32));
        var window = Window(config, 4096);
        var slides = SlidingLayers(config, shape.Layers, _ => true);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-6), config.Activation("hidden_act", "silu"))
        {
            Rope = RopeReader.Read(config, shape.Size, 10000),
        };
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index) => Parts.LlamaLayer(at, shape, style with { Window = slides(index) ? window : null });
    }
}
