using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// MiniMax-01 (arXiv 2501.08313): Mixtral's mixtures, lightning attention in some layers, and a residual stream that is normalised and
/// scaled.
/// </summary>
internal sealed class MiniMaxFamily : DecoderFamily
{
    public override string ModelType => "minimax";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["num_experts"] = "num_local_experts",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(32000, 4096, 14336, 32, 32, 8, 4096 * 32));
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        {
            Window = Window(config, null),
            Rope = RopeReader.Read(config, shape.Size, 1000000),
        };
        var (experts, perToken) = Experts.Read(config, "num_local_experts", 8, 2);
        var routing = new RoutingSpec(perToken, RouterFunction.Softmax) { Renormalised = 0 };
        // Noise is for training; the block is how many positions the reference takes at once, and changes no result.
        config.Ignore("router_jitter_noise", "block_size");
        var isLinear = LinearLayers(config, shape.Layers);
        var (linear, full, mlp) = (Factors("linear_attn"), Factors("full_attn"), Factors("mlp"));
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index)
        {
            var layer = Parts.LlamaLayer(at, shape, style);
            var (stream, part) = isLinear(index) ? linear : full;
            return layer with
            {
                Layout = ResidualLayout.NormOfStream,
                Attention = isLinear(index) ? Lightning($"{at}.self_attn", index) : layer.Attention,
                FeedForward = Experts.Mixture(
                    $"{at}.block_sparse_moe", shape.Hidden, shape.Intermediate, experts, style.Activation, routing, ExpertNames.Numbered),
                AttentionStreamFactor = stream,
                AttentionFactor = part,
                FeedForwardStreamFactor = mlp.Stream,
                FeedForwardFactor = mlp.Part,
            };
        }

        (float Stream, float Part) Factors(string name) =>
            ((float)config.Double(name + "_alpha_factor", 1), (float)config.Double(name + "_beta_factor", 1));

        FadingSpec Lightning(string at, int index)
        {
            var width = shape.Heads * shape.HeadSize;
            var depth = 1 - index / (shape.Layers - 1 + 1e-5) + 1e-5;
            return new FadingSpec
            {
                Projection = new($"{at}.qkv_proj", shape.Hidden, 3 * width),
                Activation = style.Activation,
                Gate = new($"{at}.output_gate", shape.Hidden, width),
                Norm = NormSpec.Rms($"{at}.norm", width, 1e-6),
                Output = new($"{at}.out_proj", width, shape.Hidden),
                Heads = shape.Heads,
                HeadSize = shape.HeadSize,
                Slopes = [.. Enumerable.Range(1, shape.Heads).Select(head => Math.Pow(2, -8.0 * head / shape.Heads) * depth)],
            };
        }
    }

    private static Func<int, bool> LinearLayers(ConfigReader config, int layers)
    {
        if (config.OptionalTexts("layer_types") is not { } types)
            return layer => layer % 2 == 1;
        if (types.Length != layers)
            throw config.Invalid("layer_types", $"a list of {layers} entries, one for each layer");
        return Array.TrueForAll(types, type => type is "linear_attention" or "full_attention")
            ? layer => types[layer] == "linear_attention"
            : throw config.Unsupported("layer_types", "\"full_attention\" and \"linear_attention\"");
    }
}
