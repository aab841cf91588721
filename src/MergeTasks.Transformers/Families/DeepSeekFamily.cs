using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// DeepSeek V2 and V3 (arXiv 2405.04434, 2412.19437), and GLM-4.7-Flash, which took their layers: latent attention; mixtures behind some
/// dense layers, with experts chosen from the best groups.
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class DeepSeekFamily(string modelType) : DecoderFamily
{
    // Of the latents' norms, whatever rms_norm_eps says.
    private const double LatentEpsilon = 1e-6;

    public override string ModelType => modelType;

    private bool IsV2 => modelType == "deepseek_v2";

    private bool IsGlm => modelType == "glm4_moe_lite";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["num_local_experts"] = "n_routed_experts",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, modelType switch
        {
            "deepseek_v2" => new(32000, 4096, 11008, 32, 32, 0, 2048),
            "deepseek_v3" => new(129280, 7168, 18432, 61, 128, 128, 4096),
            _ => new(154880, 2048, 10240, 47, 20, 20, 202752),
        });
        // The sizes of a head stand under other keys; this one is that of the rotated part.
        var rotated = config.Int("qk_rope_head_dim", 64);
        if (config.Int("head_dim", rotated) != rotated)
            throw config.Invalid("head_dim", $"'qk_rope_head_dim' ({rotated})");
        var style = new LlamaStyle(config.Double("rms_norm_eps", IsGlm ? 1e-5 : 1e-6), config.Activation("hidden_act", "silu"));
        if (IsV2)
            config.RequireFlag("mlp_bias", false);
        var attention = LatentAttention(config, shape);
        var mixes = MixingLayers(config, shape.Layers);
        var mixture = Mixture(config, shape, style.Activation);
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index)
        {
            var layer = Parts.LlamaLayer(at, shape, style) with { Attention = attention($"{at}.self_attn") };
            return mixes(index) ? layer with { FeedForward = mixture($"{at}.mlp") } : layer;
        }
    }

    private Func<string, AttentionSpec> LatentAttention(ConfigReader config, DecoderShape shape)
    {
        var bias = config.Bool("attention_bias", false);
        var latent = config.Int("kv_lora_rank", 512);
        var queryLatent = config.Mentions("q_lora_rank") ? config.OptionalInt("q_lora_rank") : IsGlm ? 768 : 1536;
        var (plain, rotated) = (config.Int("qk_nope_head_dim", IsGlm ? 192 : 128), config.Int("qk_rope_head_dim", 64));
        var value = config.Int("v_head_dim", IsGlm ? 256 : 128);
        var (heads, key) = (shape.Heads, plain + rotated);
        if (config.Int("qk_head_dim", key) != key)
            throw config.Invalid("qk_head_dim", $"'qk_nope_head_dim' and 'qk_rope_head_dim' added up ({key})");
        var rope = RopeReader.Read(config, new(rotated, shape.MaximumPositions), new RopeDefaults(10000));
        if (IsV2 || config.Bool("rope_interleave", true))
            rope = rope.InNeighbours();
        var scale = Sharpness(config) / Math.Sqrt(key);
        return at => new AttentionSpec
        {
            Projections = [],
            Latent = new LatentSpec(
                queryLatent is { } down ? new($"{at}.q_a_proj", shape.Hidden, down, bias) : null,
                queryLatent is { } width ? NormSpec.Rms($"{at}.q_a_layernorm", width, LatentEpsilon) : null,
                queryLatent is { } from ? new($"{at}.q_b_proj", from, heads * key) : new($"{at}.q_proj", shape.Hidden, heads * key),
                new($"{at}.kv_a_proj_with_mqa", shape.Hidden, latent + rotated, bias),
                NormSpec.Rms($"{at}.kv_a_layernorm", latent, LatentEpsilon),
                new($"{at}.kv_b_proj", latent, heads * (plain + value)),
                plain,
                rotated),
            Query = new(0, 0, key),
            Key = new(1, 0, key),
            Value = new(2, plain, plain + value),
            Output = new($"{at}.o_proj", heads * value, shape.Hidden, bias),
            Heads = heads,
            KeyValueHeads = heads,
            HeadSize = key,
            OwnValueSize = value,
            Scale = scale,
            Rope = rope,
            RopeOffset = plain,
        };
    }

    // Extended contexts sharpen the softmax by the square of YaRN's factor, if the settings have mscale_all_dim.
    private static double Sharpness(ConfigReader config)
    {
        if (RopeReader.Section(config, new RopeDefaults(10000)) is not { } settings
            || (settings.OptionalText("rope_type") ?? settings.OptionalText("type") ?? "default") == "default")
        {
            return 1;
        }

        var share = settings.Double("mscale_all_dim", 0);
        return share == 0 ? 1 : Math.Pow(RopeScaling.YarnAttention(settings.PositiveDouble("factor", 1), share), 2);
    }

    private Func<int, bool> MixingLayers(ConfigReader config, int layers)
    {
        if (!IsGlm)
        {
            var dense = config.Int("first_k_dense_replace", IsV2 ? 0 : 3, minimum: 0);
            return layer => layer >= dense;
        }

        if (config.OptionalTexts("mlp_layer_types") is not { } types)
            return layer => layer > 0;
        if (types.Length != layers || !Array.TrueForAll(types, type => type is "dense" or "sparse"))
            throw config.Invalid("mlp_layer_types", $"a list of {layers} entries \"dense\" or \"sparse\", one for each layer");
        return layer => types[layer] == "sparse";
    }

    private Func<string, MixtureSpec> Mixture(ConfigReader config, DecoderShape shape, ActivationKind activation)
    {
        var (experts, perToken) = Experts.Read(config, "n_routed_experts", modelType == "deepseek_v3" ? 256 : 64, modelType switch
        {
            "deepseek_v2" => 2,
            "deepseek_v3" => 8,
            _ => 4,
        });
        var inner = config.Int("moe_intermediate_size", modelType switch
        {
            "deepseek_v2" => 1407,
            "deepseek_v3" => 2048,
            _ => 1536,
        });
        var shared = inner * config.Int("n_shared_experts", IsV2 ? 2 : 1, minimum: 0);
        var routing = IsV2
            ? Softmax(config, experts, perToken)
            : Experts.GroupedSigmoids(config, experts, perToken, IsGlm
                ? new(perToken, RouterFunction.Sigmoid) { Factor = 1.8 }
                : new(perToken, RouterFunction.Sigmoid) { Factor = 2.5, Groups = 8, ChosenGroups = 4 });
        return at => Experts.Mixture(at, shape.Hidden, inner, experts, activation, IsV2 ? routing : routing with
        {
            Correction = $"{at}.gate.e_score_correction_bias",
        }) with
        {
            Shared = shared == 0 ? null : Parts.GatedMlp($"{at}.shared_experts", shape.Hidden, shared, activation),
        };
    }

    // The reference has norm_topk_prob, and no use for it.
    private static RoutingSpec Softmax(ConfigReader config, int experts, int perToken)
    {
        config.Ignore("norm_topk_prob");
        var routing = new RoutingSpec(perToken, RouterFunction.Softmax) { Factor = config.Double("routed_scaling_factor", 1) };
        var (groups, chosen) = (config.Int("n_group", 1), config.Int("topk_group", 1));
        return (config.OptionalText("topk_method") ?? "greedy") switch
        {
            "greedy" => routing,
            "group_limited_greedy" => Experts.Grouped(config, experts, routing with { Groups = groups, ChosenGroups = chosen }),
            _ => throw config.Unsupported("topk_method", "\"greedy\" and \"group_limited_greedy\""),
        };
    }
}
