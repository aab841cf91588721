using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>BLOOM (arXiv 2211.05100): ALiBi, queries, keys and values interleaved by head, a norm of the embeddings.</summary>
internal sealed class BloomFamily : DecoderFamily
{
    public override string ModelType => "bloom";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["n_embed"] = "hidden_size",
        ["num_attention_heads"] = "n_head",
        ["num_hidden_layers"] = "n_layer",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var hidden = config.Int("hidden_size", 64);
        var heads = config.Int("n_head", 8);
        if (hidden % heads != 0)
            throw config.Invalid("n_head", $"a divisor of 'hidden_size' ({hidden})");
        var normsStream = config.Bool("apply_residual_connection_post_layernorm", false);
        // Another order of the same sums.
        config.Ignore("slow_but_exact");
        var layers = config.Int("n_layer", 2);
        var shape = new DecoderShape(
            config.Int("vocab_size", 250880), hidden, 4 * hidden, layers, heads, heads, config.Int("seq_length", 2048), hidden / heads);
        var epsilon = config.Double("layer_norm_epsilon", 1e-5);
        var decoder = Parts.Decoder(
            shape,
            "transformer",
            "word_embeddings",
            "h",
            "lm_head",
            config.Bool("tie_word_embeddings", true),
            Layer,
            Norm("transformer.ln_f"));
        return decoder with { Embedding = decoder.Embedding with { Norm = Norm("transformer.word_embeddings_layernorm") } };

        LayerSpec Layer(string at, int index) => new()
        {
            Layout = normsStream ? ResidualLayout.NormOfStream : ResidualLayout.Sequential,
            AttentionNorm = Norm($"{at}.input_layernorm"),
            Attention = Parts.FusedAttention(
                shape,
                new($"{at}.self_attention.query_key_value", hidden, 3 * hidden, true),
                new($"{at}.self_attention.dense", hidden, hidden, true)) with
            {
                Query = new(0, 0, 3 * shape.HeadSize),
                Key = new(0, shape.HeadSize, 3 * shape.HeadSize),
                Value = new(0, 2 * shape.HeadSize, 3 * shape.HeadSize),
                Bias = AlibiSpec.Of(heads),
            },
            FeedForwardNorm = Norm($"{at}.post_attention_layernorm"),
            FeedForward = new MlpSpec(
                new($"{at}.mlp.dense_h_to_4h", hidden, 4 * hidden, true),
                new($"{at}.mlp.dense_4h_to_h", 4 * hidden, hidden, true),
                ActivationKind.GeluTanh),
        };

        NormSpec Norm(string module) => NormSpec.Layer(module, hidden, epsilon);
    }
}
