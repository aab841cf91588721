using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Phi 3, 3.5 and 4 (arXiv 2404.14219): Llama's layout with fused projections, LongRoPE and a window in every layer.</summary>
internal sealed class Phi3Family : DecoderFamily
{
    // The first releases called LongRoPE "su" and, without its settings, "yarn".
    private static readonly Dictionary<string, string> RopeAliases = new() { ["su"] = "longrope", ["yarn"] = "longrope" };

    public override string ModelType => "phi3";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(32064, 3072, 8192, 32, 32, 0, 4096));
        var epsilon = config.Double("rms_norm_eps", 1e-5);
        var activation = config.Activation("hidden_act", "silu");
        var window = config.OptionalInt("sliding_window");
        var heads = shape.Heads * shape.HeadSize;
        var fused = heads + 2 * shape.KeyValueHeads * shape.HeadSize;
        var rope = RopeReader.Read(config, shape.Size, new RopeDefaults(10000)
        {
            Fraction = config.PositiveDouble("partial_rotary_factor", 1),
            OriginalPositions = 4096,
            Aliases = RopeAliases,
        });
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = NormSpec.Rms($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = Parts.FusedAttention(
                shape, new($"{at}.self_attn.qkv_proj", shape.Hidden, fused), new($"{at}.self_attn.o_proj", heads, shape.Hidden)) with
            {
                Rope = rope,
                Window = window,
            },
            FeedForwardNorm = NormSpec.Rms($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = new MlpSpec(
                new($"{at}.mlp.gate_up_proj", shape.Hidden, 2 * shape.Intermediate),
                new($"{at}.mlp.down_proj", shape.Intermediate, shape.Hidden),
                activation)
            {
                GateInUp = GatePlace.FirstHalf,
            },
        };
    }
}
