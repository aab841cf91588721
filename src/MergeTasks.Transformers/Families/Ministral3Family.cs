using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Ministral 3: Mistral's layers; beyond the first training's length queries grow with the logarithm of their position.</summary>
internal sealed class Ministral3Family : DecoderFamily
{
    private const string Settings = """
        {"rope_type":"yarn","rope_theta":1000000.0,"factor":16.0,"original_max_position_embeddings":16384,"beta_fast":32.0,"beta_slow":1.0,
        "mscale":1.0,"mscale_all_dim":1.0,"llama_4_scaling_beta":0.1}
        """;

    public override string ModelType => "ministral3";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(131072, 4096, 14336, 34, 32, 8, 262144, HeadSize: 128));
        var defaults = new RopeDefaults(1000000) { Settings = Settings };

        // An empty section has no scaling, and nothing grows.
        var settings = RopeReader.Section(config, defaults);
        settings?.Ignore("max_position_embeddings");
        var growth = settings?.Double("llama_4_scaling_beta", 0) ?? 0;
        var original = config.OptionalInt("original_max_position_embeddings")
            ?? settings?.Int("original_max_position_embeddings", shape.MaximumPositions)
            ?? shape.MaximumPositions;
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        {
            Rope = RopeReader.Read(config, shape.Size, defaults),
            Window = Window(config, null),
        };
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index) => Parts.LlamaLayer(at, shape, style).Attending(attention => attention with
        {
            QueryFactor = growth == 0 ? null : position => 1 + growth * Math.Log(1 + position / original),
        });
    }
}
