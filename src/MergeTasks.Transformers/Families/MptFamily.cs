using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>MPT: ALiBi, fused projections, norms without bias.</summary>
internal sealed class MptFamily : DecoderFamily
{
    public override string ModelType => "mpt";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["hidden_size"] = "d_model",
        ["num_attention_heads"] = "n_heads",
        ["num_hidden_layers"] = "n_layers",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var hidden = config.Int("d_model", 2048);
        var heads = config.Int("n_heads", 16);
        if (hidden % heads != 0)
            throw config.Invalid("n_heads", $"a divisor of 'd_model' ({hidden})");
        var layers = config.Int("n_layers", 24);
        // The reference always widens by 4, whatever expansion_ratio says, and has no biases and no learned positions.
        var shape = new DecoderShape(
            config.Int("vocab_size", 50368), hidden, 4 * hidden, layers, heads, heads, config.Int("max_seq_len", 2048), hidden / heads);
        config.Ignore("expansion_ratio", "learned_pos_emb", "embedding_fraction", "init_device", "no_bias", "norm_type", "verbose");
        if (config.Has("logit_scale"))
            throw config.Unsupported("logit_scale", "null");
        var epsilon = config.Double("layer_norm_epsilon", 1e-5);
        var (clip, scale, most) = ReadAttention(config.Section("attn_config"));
        return Parts.Decoder(
            shape, "transformer", "wte", "blocks", "lm_head", config.Bool("tie_word_embeddings", true), Layer, Norm("transformer.norm_f"));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = Norm($"{at}.norm_1"),
            Attention = Parts.FusedAttention(
                shape, new($"{at}.attn.Wqkv", hidden, 3 * hidden), new($"{at}.attn.out_proj", hidden, hidden)) with
            {
                Scale = scale ?? 1 / Math.Sqrt(shape.HeadSize),
                Clip = clip,
                Bias = AlibiSpec.Of(heads, most, sorted: true),
            },
            FeedForwardNorm = Norm($"{at}.norm_2"),
            FeedForward = new MlpSpec(
                new($"{at}.ffn.up_proj", hidden, 4 * hidden), new($"{at}.ffn.down_proj", 4 * hidden, hidden), ActivationKind.Gelu),
        };

        NormSpec Norm(string module) => new(module, NormKind.Layer, hidden, epsilon);
    }

    private static (double? Clip, double? Scale, double Most) ReadAttention(ConfigReader? config)
    {
        if (config is null)
            return (null, null, 8);
        if (config.OptionalText("attn_type") is not (null or "multihead_attention"))
            throw config.Unsupported("attn_type", "\"multihead_attention\"");
        config.RequireFlag("alibi", true);
        config.RequireFlag("qk_ln", false);
        config.RequireFlag("prefix_lm", false);
        config.RequireFlag("attn_uses_sequence_id", false);
        config.Ignore(
            "attn_impl",
            "attn_pdrop",
            "_name_or_path",
            "architectures",
            "chunk_size_feed_forward",
            "dtype",
            "id2label",
            "is_encoder_decoder");
        config.Ignore("label2id", "model_type", "output_attentions", "output_hidden_states", "problem_type", "return_dict");
        double? clip = config.Has("clip_qkv") ? config.PositiveDouble("clip_qkv", 0) : null;
        return (clip, config.OptionalDouble("softmax_scale"), config.PositiveDouble("alibi_bias_max", 8));
    }
}
