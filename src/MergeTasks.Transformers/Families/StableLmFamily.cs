using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// StableLM 3B and 2 (arXiv 2402.17834): Llama's layout with layer norms, part of each head rotated, optionally parallel.
/// </summary>
internal sealed class StableLmFamily : DecoderFamily
{
    public override string ModelType => "stablelm";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(50304, 2560, 6912, 32, 32, 32, 4096));
        var epsilon = config.Double("layer_norm_eps", 1e-5);
        var bias = config.Bool("use_qkv_bias", false);
        var parallel = config.Bool("use_parallel_residual", false);
        var normalised = config.Bool("qk_layernorm", false);
        var activation = config.Activation("hidden_act", "silu");
        var rope = RopeReader.Read(
            config, shape.Size, new RopeDefaults(10000) { Fraction = config.PositiveDouble("partial_rotary_factor", 0.25) });
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Layer("model.norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            Layout = parallel ? ResidualLayout.Parallel : ResidualLayout.Sequential,
            AttentionNorm = NormSpec.Layer($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, false) with
            {
                Rope = rope,
                QueryNorm = HeadNorm($"{at}.self_attn.q_layernorm"),
                KeyNorm = HeadNorm($"{at}.self_attn.k_layernorm"),
            },
            FeedForwardNorm = parallel ? null : NormSpec.Layer($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
        };

        HeadNormSpec? HeadNorm(string module) =>
            normalised ? new(new NormSpec(module, NormKind.Layer, shape.HeadSize, epsilon), HeadNormScope.EachHeadOwnWeight) : null;
    }
}
