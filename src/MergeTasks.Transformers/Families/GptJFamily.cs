using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// GPT-J and CodeGen (arXiv 2203.13474): parallel parts behind one norm, neighbouring channels of part of each head rotated.
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class GptJFamily(string modelType) : DecoderFamily
{
    // CodeGen's projection was made for four machines: each block holds a quarter of the queries, then of the values, then of the keys.
    private const int Blocks = 4;

    public override string ModelType => modelType;

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["hidden_size"] = "n_embd",
        ["num_attention_heads"] = "n_head",
        ["num_hidden_layers"] = "n_layer",
        ["max_position_embeddings"] = "n_positions",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var hidden = config.Int("n_embd", 4096);
        var heads = config.Int("n_head", 16);
        if (hidden % heads != 0)
            throw config.Invalid("n_head", $"a divisor of 'n_embd' ({hidden})");
        if (modelType == "codegen" && heads % Blocks != 0)
            throw config.Invalid("n_head", $"a multiple of {Blocks}");
        var layers = config.Int("n_layer", 28);
        var positions = config.Int("n_positions", 2048);
        // The same length again.
        config.Ignore("n_ctx");
        var shape = new DecoderShape(
            config.Int("vocab_size", 50400), hidden, config.Int("n_inner", 4 * hidden), layers, heads, heads, positions, hidden / heads);
        var epsilon = config.Double("layer_norm_epsilon", 1e-5);
        var activation = config.Activation("activation_function", "gelu_new");
        var rotated = config.Mentions("rotary_dim") ? config.OptionalInt("rotary_dim") ?? shape.HeadSize : 64;
        if (rotated > shape.HeadSize || rotated % 2 != 0)
            throw config.Invalid("rotary_dim", $"an even number up to the {shape.HeadSize} channels of a head");
        var rope = RopeSpec.Plain(rotated, 10000).InNeighbours();
        var decoder = Parts.Decoder(
            shape,
            "transformer",
            "wte",
            "h",
            "lm_head",
            config.Bool("tie_word_embeddings", false),
            Layer,
            NormSpec.Layer("transformer.ln_f", hidden, epsilon));
        return decoder with { Head = decoder.Head with { Output = decoder.Head.Output with { Bias = true } } };

        LayerSpec Layer(string at, int index) => new()
        {
            Layout = ResidualLayout.Parallel,
            AttentionNorm = NormSpec.Layer($"{at}.ln_1", hidden, epsilon),
            Attention = (modelType == "codegen"
                ? InBlocks($"{at}.attn")
                : Parts.SeparateAttention($"{at}.attn", shape, false, false, output: "out_proj")) with
            {
                Rope = rope,
            },
            FeedForward = new MlpSpec(
                new($"{at}.mlp.fc_in", hidden, shape.Intermediate, true),
                new($"{at}.mlp.fc_out", shape.Intermediate, hidden, true),
                activation),
        };

        AttentionSpec InBlocks(string at)
        {
            var (quarter, size) = (hidden / Blocks, shape.HeadSize);
            var perBlock = heads / Blocks;
            return Parts.FusedAttention(shape, new($"{at}.qkv_proj", hidden, 3 * hidden), new($"{at}.out_proj", hidden, hidden)) with
            {
                Query = new(0, 0, size, perBlock, 3 * quarter),
                Value = new(0, quarter, size, perBlock, 3 * quarter),
                Key = new(0, 2 * quarter, size, perBlock, 3 * quarter),
            };
        }
    }
}
