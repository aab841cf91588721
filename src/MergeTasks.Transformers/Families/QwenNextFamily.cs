using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Qwen 3 Next and Qwen 3.5 (the language models of its folders, dense and mixtures): the gated delta rule in three of four layers,
/// attention whose results are gated in the others, norms that multiply by 1 + w.
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class QwenNextFamily(string modelType) : DecoderFamily
{
    public override string ModelType => modelType;

    private bool IsNext => modelType == "qwen3_next";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, modelType switch
        {
            "qwen3_next" => new(151936, 2048, 5632, 48, 16, 2, 32768, HeadSize: 256),
            "qwen3_5_text" => new(248320, 4096, 12288, 32, 16, 4, 32768, HeadSize: 256),
            _ => new(248320, 2048, 5632, 40, 16, 2, 32768, HeadSize: 256),
        });
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var bias = config.Bool("attention_bias", false);
        var activation = config.Activation("hidden_act", "silu");
        var positions = Qwen2Family.TextPositions with { Fraction = config.PositiveDouble("partial_rotary_factor", 0.25) };
        RopeReader.Section(config, positions)?.Ignore("mrope_section", "mrope_interleaved");
        var rope = RopeReader.Read(config, shape.Size, positions);
        var isLinear = LinearLayers(config, shape.Layers);
        var delta = Delta(config, shape, epsilon);
        var feedForward = FeedForward(config, shape, activation);
        return Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", false), Layer, Norm("model.norm", shape.Hidden));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = Norm($"{at}.input_layernorm", shape.Hidden),
            Attention = isLinear(index) ? delta($"{at}.linear_attn") : Gated($"{at}.self_attn"),
            FeedForwardNorm = Norm($"{at}.post_attention_layernorm", shape.Hidden),
            FeedForward = feedForward($"{at}.mlp", index),
        };

        // Each head's query, then its gate.
        AttentionSpec Gated(string at)
        {
            var attention = Parts.SeparateAttention(at, shape, bias, bias);
            var query = attention.Projections[0] with { Outputs = 2 * shape.Heads * shape.HeadSize };
            return attention with
            {
                Projections = [query, .. attention.Projections.Skip(1)],
                Gate = new(0, shape.HeadSize, 2 * shape.HeadSize),
                Rope = rope,
                QueryNorm = new(Norm($"{at}.q_norm", shape.HeadSize), HeadNormScope.EachHead),
                KeyNorm = new(Norm($"{at}.k_norm", shape.HeadSize), HeadNormScope.EachHead),
            };
        }

        NormSpec Norm(string module, int width) => NormSpec.Rms(module, width, epsilon) with { WeightOffset = 1 };
    }

    private static Func<int, bool> LinearLayers(ConfigReader config, int layers)
    {
        var interval = config.Int("full_attention_interval", 4);
        if (config.OptionalTexts("layer_types") is not { } types)
            return layer => (layer + 1) % interval != 0;
        if (types.Length != layers)
            throw config.Invalid("layer_types", $"a list of {layers} entries, one for each layer");
        return Array.TrueForAll(types, type => type is "linear_attention" or "full_attention")
            ? layer => types[layer] == "linear_attention"
            : throw config.Unsupported("layer_types", "\"full_attention\" and \"linear_attention\"");
    }

    private Func<string, DeltaSpec> Delta(ConfigReader config, DecoderShape shape, double epsilon)
    {
        var (keyHeads, valueHeads) = (config.Int("linear_num_key_heads", 16), config.Int("linear_num_value_heads", 32));
        var (keySize, valueSize) = (config.Int("linear_key_head_dim", 128), config.Int("linear_value_head_dim", 128));
        if (valueHeads % keyHeads != 0)
            throw config.Invalid("linear_num_value_heads", $"a multiple of 'linear_num_key_heads' ({keyHeads})");
        var length = config.Int("linear_conv_kernel_dim", 4);
        var (keys, values) = (keyHeads * keySize, valueHeads * valueSize);
        return at => new DeltaSpec
        {
            Projections = IsNext
                ? [new($"{at}.in_proj_qkvz", shape.Hidden, 2 * keys + 2 * values), new($"{at}.in_proj_ba", shape.Hidden, 2 * valueHeads)]
                :
                [
                    new($"{at}.in_proj_qkv", shape.Hidden, 2 * keys + values),
                    new($"{at}.in_proj_z", shape.Hidden, values),
                    new($"{at}.in_proj_b", shape.Hidden, valueHeads),
                    new($"{at}.in_proj_a", shape.Hidden, valueHeads),
                ],
            IsByKeyHead = IsNext,
            Convolution = new($"{at}.conv1d.weight", null, 2 * keys + values, length),
            Decay = $"{at}.A_log",
            DecayBias = $"{at}.dt_bias",
            Norm = NormSpec.Rms($"{at}.norm", valueSize, epsilon),
            Output = new($"{at}.out_proj", values, shape.Hidden),
            KeyHeads = keyHeads,
            ValueHeads = valueHeads,
            KeySize = keySize,
            ValueSize = valueSize,
        };
    }

    private Func<string, int, FeedForwardSpec> FeedForward(ConfigReader config, DecoderShape shape, ActivationKind activation)
    {
        if (modelType == "qwen3_5_text")
            return (at, _) => Parts.GatedMlp(at, shape, activation);
        var (experts, perToken) = Experts.Read(config, "num_experts", IsNext ? 512 : 256, IsNext ? 10 : 8);
        var (inner, shared) = (config.Int("moe_intermediate_size", 512), config.Int("shared_expert_intermediate_size", 512));
        var routing = new RoutingSpec(
            perToken, RouterFunction.Softmax)
        { Renormalised = IsNext && !config.Bool("norm_topk_prob", true) ? null : 0 };
        var mixes = IsNext ? QwenMoeFamily.MixingLayers(config) : _ => true;
        return (at, index) => mixes(index)
            ? QwenMoeFamily.WithShared(
                Experts.Mixture(at, shape.Hidden, inner, experts, activation, routing), at, shape.Hidden, shared, activation)
            : Parts.GatedMlp(at, shape, activation);
    }
}
