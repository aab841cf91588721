using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// GPT-NeoX and Pythia (arXiv 2204.06745): parallel parts with a norm each, queries, keys and values interleaved by head.
/// </summary>
internal sealed class GptNeoXFamily : DecoderFamily
{
    public override string ModelType => "gpt_neox";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(50432, 6144, 24576, 44, 64, 0, 2048));
        if (shape.KeyValueHeads != shape.Heads)
            throw config.Unsupported("num_key_value_heads", "the number of attention heads in this family");
        var epsilon = config.Double("layer_norm_eps", 1e-5);
        var bias = config.Bool("attention_bias", true);
        var activation = config.Activation("hidden_act", "gelu");
        var layout = config.Bool("use_parallel_residual", true) ? ResidualLayout.Parallel : ResidualLayout.Sequential;
        // The reference's own data have both, and follow the older one.
        var fraction = config.PositiveDouble("rotary_pct", config.PositiveDouble("partial_rotary_factor", 0.25));
        var theta = config.PositiveDouble("rotary_emb_base", config.PositiveDouble("rope_theta", 10000));
        var rope = RopeReader.Read(config, shape.Size, new RopeDefaults(theta) { Fraction = fraction, FamilyTheta = true });
        return Parts.Decoder(
            shape,
            "gpt_neox",
            "embed_in",
            "layers",
            "embed_out",
            config.Bool("tie_word_embeddings", false),
            Layer,
            NormSpec.Layer("gpt_neox.final_layer_norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            Layout = layout,
            AttentionNorm = NormSpec.Layer($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = new AttentionSpec
            {
                Projections = [new($"{at}.attention.query_key_value", shape.Hidden, 3 * shape.Heads * shape.HeadSize, bias)],
                Query = new(0, 0, 3 * shape.HeadSize),
                Key = new(0, shape.HeadSize, 3 * shape.HeadSize),
                Value = new(0, 2 * shape.HeadSize, 3 * shape.HeadSize),
                Output = new($"{at}.attention.dense", shape.Heads * shape.HeadSize, shape.Hidden, bias),
                Heads = shape.Heads,
                KeyValueHeads = shape.Heads,
                HeadSize = shape.HeadSize,
                Scale = 1 / Math.Sqrt(shape.HeadSize),
                Rope = rope,
            },
            FeedForwardNorm = NormSpec.Layer($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = new MlpSpec(
                new($"{at}.mlp.dense_h_to_4h", shape.Hidden, shape.Intermediate, true),
                new($"{at}.mlp.dense_4h_to_h", shape.Intermediate, shape.Hidden, true),
                activation),
        };
    }
}
