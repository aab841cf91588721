using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Mixtral (arXiv 2401.04088): Mistral with a sparse mixture of gated experts; and Phi-3.5 MoE, with layer norms, biases and a router of
/// its own.
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class MixtralFamily(string modelType) : DecoderFamily
{
    public override string ModelType => modelType;

    private bool IsPhi => modelType == "phimoe";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["num_experts"] = "num_local_experts",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(
            config, IsPhi ? new(32064, 4096, 6400, 32, 32, 8, 4096 * 32) : new(32000, 4096, 14336, 32, 32, 8, 4096 * 32));
        var bias = IsPhi && config.Bool("attention_bias", false);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        {
            InputBias = bias,
            OutputBias = bias,
            Window = Window(config, null),
            Rope = Rope(config, shape),
        };
        var (experts, perToken) = Experts.Read(config, "num_local_experts", IsPhi ? 16 : 8, 2);
        var routing = new RoutingSpec(perToken, RouterFunction.Softmax) { Renormalised = 0 };
        // Noise is for training.
        config.Ignore("input_jitter_noise", "router_jitter_noise");
        if (IsPhi)
        {
            // Its router chooses two, whatever num_experts_per_tok says.
            routing = new(2, RouterFunction.SparseMixer) { Tolerance = 2 * config.Double("router_jitter_noise", 0.01) };
        }

        var decoder = Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", false), Layer, Norm("model.norm"));
        var headBias = IsPhi && config.Bool("lm_head_bias", false);
        return decoder with { Head = decoder.Head with { Output = decoder.Head.Output with { Bias = headBias } } };

        LayerSpec Layer(string at, int index) => Parts.LlamaLayer(at, shape, style) with
        {
            AttentionNorm = Norm($"{at}.input_layernorm"),
            FeedForwardNorm = Norm($"{at}.post_attention_layernorm"),
            FeedForward = Experts.Mixture(
                $"{at}.block_sparse_moe", shape.Hidden, shape.Intermediate, experts, style.Activation, routing, ExpertNames.Numbered),
        };

        NormSpec Norm(string module) =>
            IsPhi ? NormSpec.Layer(module, shape.Hidden, style.Epsilon) : NormSpec.Rms(module, shape.Hidden, style.Epsilon);
    }

    // Phi-3.5 MoE names the attention factors of LongRoPE itself.
    private RopeSpec Rope(ConfigReader config, DecoderShape shape)
    {
        var rope = RopeReader.Read(config, shape.Size, 1000000);
        if (!IsPhi || RopeReader.Section(config, new RopeDefaults(1000000)) is not { } settings)
            return rope;
        var (near, far) = (settings.OptionalDouble("short_mscale"), settings.OptionalDouble("long_mscale"));
        if (near is null && far is null)
            return rope;
        var original = config.OptionalInt("original_max_position_embeddings")
            ?? settings.Int("original_max_position_embeddings", shape.MaximumPositions);
        return rope.WithAttention(length => (length > original ? far : near) ?? rope.AttentionFactor);
    }
}
