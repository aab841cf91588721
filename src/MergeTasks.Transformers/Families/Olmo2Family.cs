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
        var epsilon = config.Double("rms_norm_eps", 1e-5);
        var bias = config.Bool("attention_bias", false);
        var activation = config.Activation("hidden_act", "silu");
        var rope = RopeReader.Read(config, shape.HeadSize, shape.MaximumPositions, theta: 10000);
        return Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, bias) with
            {
                Rope = rope,
                QueryNorm = new(NormSpec.Rms($"{at}.self_attn.q_norm", shape.Heads * shape.HeadSize, epsilon), HeadNormScope.AllHeads),
                KeyNorm = new(NormSpec.Rms($"{at}.self_attn.k_norm", shape.KeyValueHeads * shape.HeadSize, epsilon), HeadNormScope.AllHeads),
            },
            AttentionOutputNorm = NormSpec.Rms($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
            FeedForwardOutputNorm = NormSpec.Rms($"{at}.post_feedforward_layernorm", shape.Hidden, epsilon),
        };
    }
}
