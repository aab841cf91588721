using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// LFM2 and its mixtures (arXiv 2511.23404): short gated convolutions in most layers, attention with norms on each head's queries and keys
/// in the others.
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class Lfm2Family(string modelType) : DecoderFamily
{
    public override string ModelType => modelType;

    private bool IsMixture => modelType == "lfm2_moe";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(
            config, IsMixture ? new(65536, 2048, 7168, 32, 32, 8, 128000) : new(65536, 2560, 12288, 32, 32, 8, 128000));
        var epsilon = config.Double("norm_eps", 1e-5);
        var rope = RopeReader.Read(config, shape.Size, 1000000);
        var attends = AttendingLayers(config, shape.Layers);
        var (bias, length) = (config.Bool("conv_bias", false), config.Int("conv_L_cache", 3));
        var feedForward = IsMixture ? Mixture(config, shape) : Dense(config, shape);
        var decoder = Parts.LlamaNamedDecoder(
            shape,
            config.Bool("tie_embedding", config.Bool("tie_word_embeddings", true)),
            Layer,
            NormSpec.Rms("model.embedding_norm", shape.Hidden, epsilon));
        return decoder;

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = NormSpec.Rms($"{at}.operator_norm", shape.Hidden, epsilon),
            Attention = attends(index)
                ? Parts.SeparateAttention($"{at}.self_attn", shape, false, false, output: "out_proj")
                    .WithHeadNorms($"{at}.self_attn", epsilon, "q_layernorm", "k_layernorm") with
                {
                    Rope = rope,
                }
                : Convolution($"{at}.conv"),
            FeedForwardNorm = NormSpec.Rms($"{at}.ffn_norm", shape.Hidden, epsilon),
            FeedForward = feedForward($"{at}.feed_forward", index),
        };

        GatedConvolutionSpec Convolution(string at) => new(
            new($"{at}.in_proj", shape.Hidden, 3 * shape.Hidden, bias),
            new($"{at}.conv.weight", bias ? $"{at}.conv.bias" : null, shape.Hidden, length),
            new($"{at}.out_proj", shape.Hidden, shape.Hidden, bias));
    }

    private static Func<int, bool> AttendingLayers(ConfigReader config, int layers)
    {
        var listed = config.OptionalInts("full_attn_idxs");
        if (config.OptionalTexts("layer_types") is not { } types)
            return layer => listed?.Contains(layer) ?? true;
        if (types.Length != layers)
            throw config.Invalid("layer_types", $"a list of {layers} entries, one for each layer");
        return Array.TrueForAll(types, type => type is "conv" or "full_attention")
            ? layer => types[layer] == "full_attention"
            : throw config.Unsupported("layer_types", "\"full_attention\" and \"conv\"");
    }

    private static Func<string, int, FeedForwardSpec> Dense(ConfigReader config, DecoderShape shape)
    {
        var inner = config.OptionalInt("block_ff_dim") ?? shape.Intermediate;
        var multiple = config.Int("block_multiple_of", 256);
        var factor = config.OptionalDouble("block_ffn_dim_multiplier") ?? 1;
        if (config.Bool("block_auto_adjust_ff_dim", true))
        {
            inner = (int)(factor * (2 * inner / 3));
            inner = (inner + multiple - 1) / multiple * multiple;
        }

        return (at, _) => Gated(at, shape.Hidden, inner);
    }

    private static Func<string, int, FeedForwardSpec> Mixture(ConfigReader config, DecoderShape shape)
    {
        var dense = config.Int("num_dense_layers", 2, minimum: 0);
        var (experts, perToken) = Experts.Read(config, "num_experts", 32, 4);
        var inner = config.Int("moe_intermediate_size", 1792);
        var isCorrected = config.Bool("use_expert_bias", true);
        var routing = new RoutingSpec(perToken, RouterFunction.Sigmoid)
        {
            Renormalised = config.Bool("norm_topk_prob", true) ? 1e-6 : null,
            Factor = config.Double("routed_scaling_factor", 1),
        };
        return (at, index) => index < dense
            ? Gated(at, shape.Hidden, shape.Intermediate)
            : Experts.Mixture(
                at,
                shape.Hidden,
                inner,
                experts,
                ActivationKind.Silu,
                routing with { Correction = isCorrected ? $"{at}.expert_bias" : null },
                ExpertNames.Numbered);
    }

    private static MlpSpec Gated(string at, int hidden, int inner) =>
        new(new($"{at}.w3", hidden, inner), new($"{at}.w2", inner, hidden), ActivationKind.Silu)
        {
            Gate = new($"{at}.w1", hidden, inner),
        };
}
