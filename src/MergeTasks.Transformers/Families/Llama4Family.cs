using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Llama 4's language model: pieces of the context in layers that rotate (then a norm without weights), all of it in layers that do not;
/// one expert per token, its input weighted, beside one for all tokens.
/// </summary>
internal sealed class Llama4Family : DecoderFamily
{
    public override string ModelType => "llama4_text";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(202048, 5120, 8192, 48, 40, 8, 4096 * 32, HeadSize: 128));
        var bias = config.Bool("attention_bias", false);
        var style = new LlamaStyle(
            config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        { InputBias = bias, OutputBias = bias };
        var rope = RopeReader.Read(config, shape.Size, 500000).InNeighbours();
        var rotates = SmolLm3Family.RotatingLayers(config, shape.Layers);
        var chunk = config.Mentions("attention_chunk_size") ? config.OptionalInt("attention_chunk_size") : 8192;
        var chunks = ChunkedLayers(config, shape.Layers, rotates);
        var normalised = config.Bool("use_qk_norm", true);
        var growth = config.Bool("attn_temperature_tuning", true) ? config.Double("attn_scale", 0.1) : 0;
        config.Ignore("attn_scale", "router_jitter_noise");
        var floor = config.PositiveDouble("floor_scale", 8192);
        var (experts, perToken) = Experts.Read(config, "num_local_experts", 16, 1);
        var mixes = MixingLayers(config, shape.Layers);
        var dense = config.Int("intermediate_size_mlp", 16384);
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index) =>
            Parts.LlamaLayer(at, shape, style with { Rope = rotates(index) ? rope : null }).Attending(attention => attention with
            {
                Chunk = chunks(index) ? chunk : null,
                QueryNorm = rotates(index) && normalised ? Unweighted() : null,
                KeyNorm = rotates(index) && normalised ? Unweighted() : null,
                NormsAfterRope = true,
                QueryFactor = rotates(index) || growth == 0
                    ? null
                    : position => 1 + growth * Math.Log(1 + Math.Floor((position + 1) / floor)),
            }) with
            {
                FeedForward = mixes(index)
                ? Mixture($"{at}.feed_forward")
                : Parts.GatedMlp($"{at}.feed_forward", shape.Hidden, dense, style.Activation),
            };

        HeadNormSpec Unweighted() =>
            new(new NormSpec("", NormKind.RootMeanSquare, shape.HeadSize, style.Epsilon, Weighted: false), HeadNormScope.EachHead);

        MixtureSpec Mixture(string at) => new MixtureSpec(
            new($"{at}.router", shape.Hidden, experts),
            [.. Enumerable.Range(0, experts).Select(expert => Expert($"{at}.experts", new(expert, experts)))],
            new RoutingSpec(perToken, RouterFunction.Sigmoid) { WeighsInput = true })
        {
            Shared = Parts.GatedMlp($"{at}.shared_expert", shape.Hidden, shape.Intermediate, style.Activation),
        };

        MlpSpec Expert(string at, StackPlace place) => new(
            Matrix($"{at}.gate_up_proj", shape.Hidden, 2 * shape.Intermediate, place),
            Matrix($"{at}.down_proj", shape.Intermediate, shape.Hidden, place),
            style.Activation)
        {
            GateInUp = GatePlace.FirstHalf,
        };

        static LinearSpec Matrix(string name, int inputs, int outputs, StackPlace place) =>
            new(name, inputs, outputs) { Weight = name, Stack = place, StoredByInput = true };
    }

    private static Func<int, bool> ChunkedLayers(ConfigReader config, int layers, Func<int, bool> rotates)
    {
        if (config.OptionalTexts("layer_types") is not { } types)
            return rotates;
        if (types.Length != layers)
            throw config.Invalid("layer_types", $"a list of {layers} entries, one for each layer");
        return Array.TrueForAll(types, type => type is "chunked_attention" or "full_attention")
            ? layer => types[layer] == "chunked_attention"
            : throw config.Unsupported("layer_types", "\"full_attention\" and \"chunked_attention\"");
    }

    private static Func<int, bool> MixingLayers(ConfigReader config, int layers)
    {
        var step = config.Int("interleave_moe_layer_step", 1);
        var listed = config.OptionalInts("moe_layers");
        return layer => listed?.Contains(layer) ?? (layer + 1) % step == 0;
    }
}
