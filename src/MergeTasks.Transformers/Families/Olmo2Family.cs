using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>OLMo 2 (arXiv 2501.00656): norms after both parts instead of before, and on all queries and all keys.</summary>
internal sealed class Olmo2Family : DecoderFamily
{
    public override string ModelType => "olmo2";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(50304, 4096, 11008, 32, 32, 0, 2048));
        var bias = config.Bool("attention_bias", false);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        {
            InputBias = bias,
            OutputBias = bias,
            Rope = RopeReader.Read(config, shape.Size, 10000),
        };
        return Parts.LlamaNamedDecoder(
            shape,
            config.Bool("tie_word_embeddings", false),
            (at, _) => Layer(at, shape, style),
            NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));
    }

    /// <summary>One layer.</summary>
    internal static LayerSpec Layer(string at, DecoderShape shape, LlamaStyle style)
    {
        var layer = Parts.LlamaLayer(at, shape, style).Attending(attention => attention.WithWholeNorms($"{at}.self_attn", style.Epsilon));
        return layer with
        {
            AttentionNorm = null,
            AttentionOutputNorm = layer.FeedForwardNorm,
            FeedForwardNorm = null,
            FeedForwardOutputNorm = NormSpec.Rms($"{at}.post_feedforward_layernorm", shape.Hidden, style.Epsilon),
        };
    }
}
