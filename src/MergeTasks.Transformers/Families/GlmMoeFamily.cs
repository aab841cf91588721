using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// GLM 4.5 and 4.6 (arXiv 2508.06471): half of each head rotated, norms on queries and keys, mixtures behind some dense layers routed as
/// DeepSeek V3's.
/// </summary>
internal sealed class GlmMoeFamily : DecoderFamily
{
    public override string ModelType => "glm4_moe";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["num_local_experts"] = "n_routed_experts",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(151552, 4096, 10944, 46, 96, 8, 131072, HeadSize: 128));
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        {
            InputBias = config.Bool("attention_bias", false),
            Rope = RopeReader.Read(
                config, shape.Size, new RopeDefaults(10000) { Fraction = config.PositiveDouble("partial_rotary_factor", 0.5) }),
        };
        var normalised = config.Bool("use_qk_norm", false);
        var (experts, perToken) = Experts.Read(config, "n_routed_experts", 128, 8);
        var inner = config.Int("moe_intermediate_size", 1408);
        var shared = inner * config.Int("n_shared_experts", 1, minimum: 0);
        var dense = config.Int("first_k_dense_replace", 1, minimum: 0);
        var routing = Experts.GroupedSigmoids(config, experts, perToken, new(perToken, RouterFunction.Sigmoid));
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index)
        {
            var layer = Parts.LlamaLayer(at, shape, style);
            if (normalised)
                layer = layer.Attending(attention => attention.WithHeadNorms($"{at}.self_attn", style.Epsilon));
            return index < dense ? layer : layer with { FeedForward = Mixture($"{at}.mlp") };
        }

        MixtureSpec Mixture(string at) =>
            Experts.Mixture(
                at, shape.Hidden, inner, experts, style.Activation, routing with { Correction = $"{at}.gate.e_score_correction_bias" }) with
            {
                Shared = shared == 0 ? null : Parts.GatedMlp($"{at}.shared_experts", shape.Hidden, shared, style.Activation),
            };
    }
}
