using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Phi 1 to 2 (arXiv 2309.05463): attention and feed-forward side by side behind one layer norm, half of each head rotated.
/// </summary>
internal sealed class PhiFamily : DecoderFamily
{
    public override string ModelType => "phi";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(51200, 2048, 8192, 24, 32, 0, 2048));
        var epsilon = config.Double("layer_norm_eps", 1e-5);
        var activation = config.Activation("hidden_act", "gelu_new");
        var normalised = config.Bool("qk_layernorm", false);
        var rope = RopeReader.Read(
            config, shape.Size, new RopeDefaults(10000) { Fraction = config.PositiveDouble("partial_rotary_factor", 0.5) });
        var decoder = Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Layer("model.final_layernorm", shape.Hidden, epsilon));
        return decoder with { Head = decoder.Head with { Output = decoder.Head.Output with { Bias = true } } };

        LayerSpec Layer(string at, int index) => new()
        {
            Layout = ResidualLayout.Parallel,
            AttentionNorm = NormSpec.Layer($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, true, true, output: "dense") with
            {
                Rope = rope,
                QueryNorm = HeadNorm($"{at}.self_attn.q_layernorm"),
                KeyNorm = HeadNorm($"{at}.self_attn.k_layernorm"),
            },
            FeedForward = new MlpSpec(
                new($"{at}.mlp.fc1", shape.Hidden, shape.Intermediate, true),
                new($"{at}.mlp.fc2", shape.Intermediate, shape.Hidden, true),
                activation),
        };

        HeadNormSpec? HeadNorm(string module) =>
            normalised ? new(NormSpec.Layer(module, shape.HeadSize, epsilon), HeadNormScope.EachHead) : null;
    }
}
