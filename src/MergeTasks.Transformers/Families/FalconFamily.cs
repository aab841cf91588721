using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Falcon (arXiv 2311.16867): queries, keys and values in one projection, of one key head or of groups; rotary positions or ALiBi.
/// </summary>
internal sealed class FalconFamily : DecoderFamily
{
    public override string ModelType => "falcon";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["n_embed"] = "hidden_size",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var hidden = config.Int("hidden_size", 4544);
        var heads = config.Int("num_attention_heads", 71);
        if (hidden % heads != 0)
            throw config.Invalid("num_attention_heads", $"a divisor of 'hidden_size' ({hidden})");
        var isNew = config.Bool("new_decoder_architecture", false);
        var isMultiQuery = config.Bool("multi_query", true);
        var given = config.Int("num_kv_heads", heads);
        var keyHeads = isNew ? given : isMultiQuery ? 1 : heads;
        if (heads % keyHeads != 0)
            throw config.Invalid("num_kv_heads", $"a divisor of the {heads} attention heads");
        var shape = new DecoderShape(
            config.Int("vocab_size", 65024),
            hidden,
            config.Int("ffn_hidden_size", 4 * hidden),
            config.Int("num_hidden_layers", 32),
            heads,
            keyHeads,
            config.Int("max_position_embeddings", 2048),
            hidden / heads);
        var epsilon = config.Double("layer_norm_epsilon", 1e-5);
        var bias = config.Bool("bias", false);
        var isParallel = config.Bool("parallel_attn", true) || isNew;
        // Two norms before parallel parts, which is what the newer layout has unless it asks for one.
        var hasTwoNorms = config.Int("num_ln_in_parallel_attn", isNew ? 2 : 1) == 2;
        if (hasTwoNorms && !isParallel)
            throw config.Unsupported("num_ln_in_parallel_attn", "1, because 'parallel_attn' is false");
        var activation = config.Activation("activation", "gelu");
        var isAlibi = config.Bool("alibi", false);
        var rope = RopeReader.Read(config, shape.Size, 10000);
        return Parts.Decoder(
            shape,
            "transformer",
            "word_embeddings",
            "h",
            "lm_head",
            config.Bool("tie_word_embeddings", true),
            Layer,
            Norm("transformer.ln_f"));

        LayerSpec Layer(string at, int index) => new()
        {
            Layout = isParallel ? ResidualLayout.Parallel : ResidualLayout.Sequential,
            AttentionNorm = Norm(hasTwoNorms ? $"{at}.ln_attn" : $"{at}.input_layernorm"),
            Attention = Grouped($"{at}.self_attention"),
            FeedForwardNorm = hasTwoNorms ? Norm($"{at}.ln_mlp") : isParallel ? null : Norm($"{at}.post_attention_layernorm"),
            FeedForward = new MlpSpec(
                new($"{at}.mlp.dense_h_to_4h", hidden, shape.Intermediate, bias),
                new($"{at}.mlp.dense_4h_to_h", shape.Intermediate, hidden, bias),
                activation),
        };

        NormSpec Norm(string module) => NormSpec.Layer(module, hidden, epsilon);

        AttentionSpec Grouped(string at)
        {
            var (size, perGroup) = (shape.HeadSize, heads / keyHeads);
            var projection = new LinearSpec($"{at}.query_key_value", hidden, (heads + 2 * keyHeads) * size, bias);
            var attention = Parts.FusedAttention(shape, projection, new($"{at}.dense", hidden, hidden, bias));
            return attention with
            {
                // Group by group: a group's queries, its key, its value.
                Query = new(0, 0, size, perGroup, (perGroup + 2) * size),
                Key = new(0, perGroup * size, (perGroup + 2) * size),
                Value = new(0, (perGroup + 1) * size, (perGroup + 2) * size),
                Rope = isAlibi ? null : rope,
                Bias = isAlibi ? ScaledAlibi(size) : null,
            };
        }

        // Added before scores are divided by the root of a head's size.
        AlibiSpec ScaledAlibi(int size) => new([.. AlibiSpec.Of(heads).Slopes.Select(slope => slope / Math.Sqrt(size))]);
    }
}
