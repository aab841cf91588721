using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// GLM 4 dense models (arXiv 2406.12793): fused gates, neighbouring channels rotated; the 0414 models have norms after both parts too.
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class GlmFamily(string modelType) : DecoderFamily
{
    public override string ModelType => modelType;

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(151552, 4096, 13696, 40, 32, 2, 131072, HeadSize: 128));
        var style = new LlamaStyle(
            config.Double("rms_norm_eps", 1.5625e-7), config.Activation("hidden_act", "silu"))
        {
            InputBias = config.Bool("attention_bias", true),
            Rope = RopeReader.Read(
                config, shape.Size, new RopeDefaults(10000) { Fraction = config.PositiveDouble("partial_rotary_factor", 0.5) })
                .InNeighbours(),
        };
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index) => Parts.LlamaLayer(at, shape, style) with
        {
            AttentionOutputNorm = OutputNorm($"{at}.post_self_attn_layernorm"),
            FeedForward = Parts.FusedMlp(
                $"{at}.mlp.gate_up_proj", $"{at}.mlp.down_proj", shape.Hidden, shape.Intermediate, style.Activation),
            FeedForwardOutputNorm = OutputNorm($"{at}.post_mlp_layernorm"),
        };

        NormSpec? OutputNorm(string module) => modelType == "glm" ? null : NormSpec.Rms(module, shape.Hidden, style.Epsilon);
    }
}
