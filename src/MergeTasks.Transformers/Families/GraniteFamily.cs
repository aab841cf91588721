using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Granite 3 and 4 (dense, mixtures, and hybrids as far as their layers are attention): Llama's layers with factors on embeddings, scores,
/// residuals and logits.
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class GraniteFamily(string modelType) : DecoderFamily
{
    public override string ModelType => modelType;

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(32000, 4096, 11008, 32, 32, 0, 2048));
        var bias = config.Bool("attention_bias", false);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-6), config.Activation("hidden_act", "silu"))
        {
            InputBias = bias,
            OutputBias = bias,
            MlpBias = modelType == "granite" && config.Bool("mlp_bias", false),
            Rope = Rope(config, shape),
        };
        var scale = config.Double("attention_multiplier", 1);
        var share = (float)config.Double("residual_multiplier", 1);
        var divisor = config.PositiveDouble("logits_scaling", 1);
        var part = FeedForward(config, shape, style);
        var decoder = Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));
        return decoder with
        {
            Embedding = decoder.Embedding with { Scale = (float)config.Double("embedding_multiplier", 1) },
            Head = decoder.Head with { ScoreFactor = 1 / divisor },
        };

        LayerSpec Layer(string at, int index) =>
            Parts.LlamaLayer(at, shape, style).Attending(attention => attention with { Scale = scale }) with
            {
                FeedForward = part(at),
                AttentionFactor = share,
                FeedForwardFactor = share,
            };
    }

    // Hybrids rotate only where the configuration says so.
    private RopeSpec? Rope(ConfigReader config, DecoderShape shape)
    {
        var rope = RopeReader.Read(config, shape.Size, 10000);
        if (modelType != "granitemoehybrid")
            return rope;
        if (config.OptionalTexts("layer_types") is not { } types
            || !Array.TrueForAll(types, type => type is "full_attention" or "attention"))
            throw config.Unsupported("layer_types", "\"full_attention\" for every layer (state-space layers are not computed)");
        if (types.Length != shape.Layers)
            throw config.Invalid("layer_types", $"a list of {shape.Layers} entries, one for each layer");
        config.Ignore(
            "mamba_chunk_size", "mamba_conv_bias", "mamba_d_conv", "mamba_d_head", "mamba_d_state", "mamba_expand", "mamba_n_groups");
        config.Ignore("mamba_n_heads", "mamba_proj_bias", "time_step_limit");
        return config.OptionalText("position_embedding_type") == "rope" ? rope : null;
    }

    private Func<string, FeedForwardSpec> FeedForward(ConfigReader config, DecoderShape shape, LlamaStyle style)
    {
        if (modelType == "granite")
            return at => Parts.GatedMlp($"{at}.mlp", shape, style.Activation, style.MlpBias);
        var inner = modelType == "granitemoe" ? 0 : config.Int("shared_intermediate_size", 1024, minimum: 0);
        var experts = config.Int("num_local_experts", 8, minimum: 0);
        var perToken = config.Int("num_experts_per_tok", 2, minimum: 0);
        if (experts == 0)
            return Shared;
        if (perToken < 1 || perToken > experts)
            throw config.Invalid("num_experts_per_tok", $"1 to 'num_local_experts' ({experts})");
        return at => new MixtureSpec(
            new($"{at}.block_sparse_moe.router.layer", shape.Hidden, experts),
            [.. Enumerable.Range(0, experts).Select(expert => Expert($"{at}.block_sparse_moe", new(expert, experts)))],
            new RoutingSpec(perToken, RouterFunction.Softmax) { Renormalised = 0 })
        {
            Shared = inner == 0 ? null : Shared(at),
        };

        MlpSpec Shared(string at) =>
            Parts.FusedMlp($"{at}.shared_mlp.input_linear", $"{at}.shared_mlp.output_linear", shape.Hidden, inner, style.Activation);

        MlpSpec Expert(string at, StackPlace place)
        {
            var own = Parts.FusedMlp($"{at}.input_linear", $"{at}.output_linear", shape.Hidden, shape.Intermediate, style.Activation);
            return own with { Up = own.Up with { Stack = place }, Down = own.Down with { Stack = place } };
        }
    }
}
