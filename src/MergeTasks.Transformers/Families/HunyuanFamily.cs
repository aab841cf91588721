using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Hunyuan's dense models: Llama's layers with norms on each head's rotated queries and keys.</summary>
internal sealed class HunyuanFamily : DecoderFamily
{
    public override string ModelType => "hunyuan_v1_dense";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(290943, 4096, 11008, 32, 32, 0, 2048));
        var bias = config.Bool("attention_bias", false);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        {
            InputBias = bias,
            OutputBias = bias,
            Rope = Rope(config, shape),
        };
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index) => Parts.LlamaLayer(at, shape, style).Attending(attention =>
            attention.WithHeadNorms($"{at}.self_attn", style.Epsilon, "query_layernorm", "key_layernorm") with { NormsAfterRope = true });
    }

    // What it calls dynamic with an alpha is a larger base, the same up to the longest sequence; beyond, dynamic scaling takes its place.
    private static RopeSpec Rope(ConfigReader config, DecoderShape shape)
    {
        var settings = RopeReader.Section(config, new RopeDefaults(10000));
        if (settings?.OptionalDouble("alpha") is not > 0
            || (settings.OptionalText("rope_type") ?? settings.OptionalText("type")) != "dynamic")
            return RopeReader.Read(config, shape.Size, 10000);
        settings.Ignore("type", "beta_fast", "beta_slow", "mscale", "mscale_all_dim");
        var theta = settings.OptionalDouble("rope_theta") ?? config.PositiveDouble("rope_theta", 10000);
        var size = (double)shape.HeadSize;
        var constant = RopeSpec.Plain(shape.HeadSize, theta * Math.Pow(settings.PositiveDouble("alpha", 1), size / (size - 2))).Frequencies;
        var (factor, longest) = (settings.PositiveDouble("factor", 1), shape.MaximumPositions);
        var grown = RopeScaling.Dynamic(shape.HeadSize, theta, factor, longest);
        return new RopeSpec(constant, byLength: length => length > longest ? grown.FrequenciesFor(length) : constant);
    }
}
