using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Qwen's mixtures: Qwen 2 MoE with a gated expert for all tokens (arXiv 2407.10671), and Qwen 3 MoE (arXiv 2505.09388).</summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class QwenMoeFamily(string modelType) : DecoderFamily
{
    public override string ModelType => modelType;

    private bool IsQwen2 => modelType == "qwen2_moe";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["num_local_experts"] = "num_experts",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(
            config, IsQwen2 ? new(151936, 2048, 5632, 24, 16, 16, 32768) : new(151936, 2048, 6144, 24, 32, 4, 32768));
        var bias = !IsQwen2 && config.Bool("attention_bias", false);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-6), config.Activation("hidden_act", "silu"))
        {
            InputBias = IsQwen2 ? config.Bool("qkv_bias", true) : bias,
            OutputBias = bias,
            Rope = RopeReader.Read(config, shape.Size, 10000),
        };
        var window = Windows(config, shape.Layers);
        var mixes = MixingLayers(config);
        var (experts, perToken) = Experts.Read(config, "num_experts", IsQwen2 ? 60 : 128, IsQwen2 ? 4 : 8);
        var inner = config.Int("moe_intermediate_size", IsQwen2 ? 1408 : 768);
        var shared = IsQwen2 ? config.Int("shared_expert_intermediate_size", 5632) : 0;
        var routing = new RoutingSpec(perToken, RouterFunction.Softmax) { Renormalised = config.Bool("norm_topk_prob", false) ? 0 : null };
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index)
        {
            var layer = Parts.LlamaLayer(at, shape, style with { Window = window(index) });
            if (!IsQwen2)
                layer = layer.Attending(attention => attention.WithHeadNorms($"{at}.self_attn", style.Epsilon));
            return mixes(index) ? layer with { FeedForward = Mixture($"{at}.mlp") } : layer;
        }

        MixtureSpec Mixture(string at)
        {
            var mixture = Experts.Mixture(at, shape.Hidden, inner, experts, style.Activation, routing);
            return shared == 0 ? mixture : WithShared(mixture, at, shape.Hidden, shared, style.Activation);
        }
    }

    /// <summary>The mixture with an expert for all tokens, whose result is multiplied by the sigmoid of a score.</summary>
    internal static MixtureSpec WithShared(MixtureSpec mixture, string at, int hidden, int inner, ActivationKind activation) => mixture with
    {
        Shared = Parts.GatedMlp($"{at}.shared_expert", hidden, inner, activation),
        SharedGate = new($"{at}.shared_expert_gate", hidden, 1),
    };

    /// <summary>Which layers are mixtures: every so many, without those that are listed.</summary>
    internal static Func<int, bool> MixingLayers(ConfigReader config)
    {
        var step = config.Int("decoder_sparse_step", 1);
        var dense = config.OptionalInts("mlp_only_layers") ?? [];
        return layer => !dense.Contains(layer) && (layer + 1) % step == 0;
    }

    // Qwen 2: from the first layer to max_window_layers, every other one. Qwen 3: every layer.
    private Func<int, int?> Windows(ConfigReader config, int layers)
    {
        var isOn = config.Bool("use_sliding_window", false);
        var size = config.Mentions("sliding_window") ? config.OptionalInt("sliding_window", minimum: 0) : 4096;
        if (!IsQwen2)
            return _ => isOn ? OpenWindow(config, size) : null;
        var limit = config.Int("max_window_layers", 28, minimum: 0);
        var slides = SlidingLayers(config, layers, layer => layer % 2 == 0 && layer < limit);
        return layer => isOn && slides(layer) ? OpenWindow(config, size) : null;
    }
}
