using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// DeepSeekMoE (arXiv 2401.06066): Llama's attention, and mixtures with experts that see every token behind some dense layers.
/// </summary>
internal sealed class DeepSeekMoeFamily : DecoderFamily
{
    public override string ModelType => "deepseek";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(102400, 4096, 11008, 30, 32, 32, 2048));
        config.RequireFlag("mlp_bias", false);
        var bias = config.Bool("attention_bias", false);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-6), config.Activation("hidden_act", "silu"))
        {
            InputBias = bias,
            OutputBias = bias,
            Rope = RopeReader.Read(config, shape.Size, 10000),
        };
        if ((config.OptionalText("scoring_func") ?? "softmax") != "softmax")
            throw config.Unsupported("scoring_func", "\"softmax\"");
        var (experts, perToken) = Experts.Read(config, "n_routed_experts", 64, 6);
        var inner = config.Int("moe_intermediate_size", 1407);
        var shared = inner * (config.OptionalInt("n_shared_experts", minimum: 0) ?? 0);
        var (dense, step) = (config.Int("first_k_dense_replace", 0, minimum: 0), config.Int("moe_layer_freq", 1));
        var routing = new RoutingSpec(perToken, RouterFunction.Softmax)
        {
            Renormalised = config.Bool("norm_topk_prob", false) && perToken > 1 ? 1e-20 : null,
        };
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index)
        {
            var layer = Parts.LlamaLayer(at, shape, style);
            return index < dense || index % step != 0 ? layer : layer with { FeedForward = Mixture($"{at}.mlp") };
        }

        MixtureSpec Mixture(string at) => Experts.Mixture(at, shape.Hidden, inner, experts, style.Activation, routing) with
        {
            Shared = shared == 0 ? null : Parts.GatedMlp($"{at}.shared_experts", shape.Hidden, shared, style.Activation),
        };
    }
}
