using System.Globalization;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Gemma 4: layers without a window have heads of their own size, whose values may be their keys; values are normalised too, the last
/// layers may share keys and values, tokens may have vectors for each layer, and experts may stand beside the feed-forward part.
/// </summary>
internal sealed class Gemma4Family : DecoderFamily
{
    private const string Settings =
        """
        {"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
         "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1000000.0}}
        """;

    public override string ModelType => "gemma4_text";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(262144, 2304, 9216, 30, 8, 4, 131072, HeadSize: 256));
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var bias = config.Bool("attention_bias", false);
        var activation = config.Activation("hidden_activation", "gelu_pytorch_tanh");
        var window = Window(config, 512);
        var listed = SlidingLayers(config, shape.Layers, layer => (layer + 1) % 6 != 0);
        // The reference makes the last layer one without a window, whatever the list says.
        var kinds = GemmaLayerVectors.Kinds(shape.Layers, layer => layer < shape.Layers - 1 && listed(layer));
        var keysAreValues = config.Bool("attention_k_eq_v", false);
        var shapes = LayerShapes(config, shape, kinds, keysAreValues);
        var shared = new SharedKeys(config, kinds, 0);
        var ropes = kinds.Distinct().ToDictionary(kind => kind, kind => Rope(config, shapes[Array.IndexOf(kinds, kind)], kind));
        var vectors = GemmaLayerVectors.Read(config, shape, epsilon);
        var widens = config.Bool("use_double_wide_mlp", false);
        var experts = ExpertsOf(config, shape, activation, epsilon);
        var decoder = Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", true), Layer, Norm("model.norm"));
        return decoder with
        {
            Embedding = decoder.Embedding with { Scale = MathF.Sqrt(shape.Hidden), LayerTable = vectors?.Table },
            Head = decoder.Head with
            {
                ScoreCap = config.Has("final_logit_softcapping") ? config.PositiveDouble("final_logit_softcapping", 1) : null,
            },
        };

        LayerSpec Layer(string at, int index)
        {
            var width = shape.Intermediate * (widens && shared.IsTaker(index) ? 2 : 1);
            var mlp = Parts.GatedMlp($"{at}.mlp", shape.Hidden, width, activation);
            var before = Norm($"{at}.pre_feedforward_layernorm");
            return new LayerSpec
            {
                AttentionNorm = Norm($"{at}.input_layernorm"),
                Attention = shared.Applied(Attention($"{at}.self_attn", index), index),
                AttentionOutputNorm = Norm($"{at}.post_attention_layernorm"),
                FeedForwardNorm = experts is null ? before : null,
                FeedForward = experts is null ? mlp : new SumSpec(
                [
                    new(before, mlp, Norm($"{at}.post_feedforward_layernorm_1")),
                    new(null, experts(at), Norm($"{at}.post_feedforward_layernorm_2")),
                ]),
                FeedForwardOutputNorm = Norm($"{at}.post_feedforward_layernorm"),
                LayerInput = vectors?.Of(at, index, activation),
                Scalar = $"{at}.layer_scalar",
            };
        }

        AttentionSpec Attention(string at, int index)
        {
            var own = shapes[index];
            var isSliding = kinds[index] == "sliding_attention";
            var attention = Parts.SeparateAttention(at, own, bias, bias) with
            {
                Rope = ropes[kinds[index]],
                Scale = 1,
                Window = isSliding ? window : null,
                ValueNorm = new(
                    NormSpec.Rms($"{at}.v_norm", own.HeadSize, epsilon) with { Weighted = false }, HeadNormScope.EachHead),
            };
            attention = attention.WithHeadNorms(at, epsilon);
            return keysAreValues && !isSliding
                ? attention with { Projections = [.. attention.Projections.Take(2)], ValuesAreKeys = true }
                : attention;
        }

        NormSpec Norm(string module) => NormSpec.Rms(module, shape.Hidden, epsilon);
    }

    // The newest files say what differs in each layer; before, it was the size of heads without a window, and perhaps their number.
    private static DecoderShape[] LayerShapes(ConfigReader config, DecoderShape shape, string[] kinds, bool keysAreValues)
    {
        if (config.Section("per_layer_config") is not { } perLayer)
        {
            var heads = config.OptionalInt("num_global_key_value_heads");
            var full = Checked(config, "num_global_key_value_heads", shape with
            {
                HeadSize = config.Int("global_head_dim", 512),
                KeyValueHeads = keysAreValues && heads is { } own ? own : shape.KeyValueHeads,
            });
            return [.. kinds.Select(kind => kind == "full_attention" ? full : shape)];
        }

        config.Ignore("global_head_dim", "num_global_key_value_heads");
        var shapes = kinds.Select((_, layer) =>
        {
            var key = layer.ToString(CultureInfo.InvariantCulture);
            if (perLayer.Section(key) is not { } own)
                return shape;
            if (own.Keys.FirstOrDefault(name => name is not ("head_dim" or "num_key_value_heads")) is { } other)
                throw own.Unsupported(other, "\"head_dim\" and \"num_key_value_heads\" for each layer, and nothing else");
            return Checked(own, "num_key_value_heads", shape with
            {
                HeadSize = own.Int("head_dim", shape.HeadSize),
                KeyValueHeads = own.Int("num_key_value_heads", shape.KeyValueHeads),
            });
        }).ToArray();
        return shapes.Zip(kinds).Distinct().Count() == kinds.Distinct().Count()
            ? shapes
            : throw config.Unsupported("per_layer_config", "the same sizes for all layers of a kind");
    }

    private static DecoderShape Checked(ConfigReader config, string key, DecoderShape shape) => shape.Heads % shape.KeyValueHeads == 0
        ? shape
        : throw config.Invalid(key, $"a divisor of the {shape.Heads} attention heads");

    private static RopeSpec Rope(ConfigReader config, DecoderShape shape, string kind)
    {
        if (config.Has("rope_parameters") && !RopeReader.IsByLayer(config))
            throw config.Invalid("rope_parameters", "an object with one for each kind of layer");
        // This family never read the older key.
        config.Ignore("rope_scaling");
        return RopeReader.Read(
            config, shape.Size, new RopeDefaults(kind == "full_attention" ? 1000000 : 10000) { LayerType = kind, Settings = Settings });
    }

    // Router and experts see the stream without the norm of the feed-forward part beside them.
    private static Func<string, MixtureSpec>? ExpertsOf(ConfigReader config, DecoderShape shape, ActivationKind activation, double epsilon)
    {
        if (!config.Bool("enable_moe_block", false))
        {
            config.Ignore("num_experts", "top_k_experts", "moe_intermediate_size");
            return null;
        }

        foreach (var key in new[] { "num_experts", "top_k_experts", "moe_intermediate_size" })
            if (!config.Has(key))
                throw config.Invalid(key, "a whole number of at least 1, because 'enable_moe_block' is true");
        var (count, perToken) = Experts.Read(config, "num_experts", 1, 1, "top_k_experts");
        var inner = config.Int("moe_intermediate_size", 1);
        return at => Experts.Mixture(
            at,
            shape.Hidden,
            inner,
            count,
            activation,
            new(perToken, RouterFunction.Softmax) { Renormalised = 0, Scales = $"{at}.router.per_expert_scale" },
            ExpertNames.Usual with { Router = "router.proj" }) with
        {
            RouterNorm = NormSpec.Rms($"{at}.router.norm", shape.Hidden, epsilon) with
            {
                OwnWeight = $"{at}.router.scale",
                Factor = 1 / MathF.Sqrt(shape.Hidden),
            },
            ExpertNorm = NormSpec.Rms($"{at}.pre_feedforward_layernorm_2", shape.Hidden, epsilon),
        };
    }
}
