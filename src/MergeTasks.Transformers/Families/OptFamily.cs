using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// OPT (arXiv 2205.01068): learned positions from row 2 on, biases, norms before the parts or, in one size, after the additions.
/// </summary>
internal sealed class OptFamily : DecoderFamily
{
    // Rows of the position table before that of the first token.
    private const int Offset = 2;

    public override string ModelType => "opt";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var hidden = config.Int("hidden_size", 768);
        var heads = config.Int("num_attention_heads", 12);
        if (hidden % heads != 0)
            throw config.Invalid("num_attention_heads", $"a divisor of 'hidden_size' ({hidden})");
        var inner = config.Int("ffn_dim", 3072);
        var positions = config.Int("max_position_embeddings", 2048);
        var shape = new DecoderShape(
            config.Int("vocab_size", 50272), hidden, inner, config.Int("num_hidden_layers", 12), heads, heads, positions, hidden / heads);
        var bias = config.Bool("enable_bias", true);
        var isBefore = config.Bool("do_layer_norm_before", true);
        var isAffine = config.Bool("layer_norm_elementwise_affine", true);
        var hasFinalNorm = isBefore && !config.Bool("_remove_final_layer_norm", false);
        config.Ignore("_remove_final_layer_norm");
        var activation = config.Activation("activation_function", "relu");
        // The tables of one size are narrower than its layers; positions are not.
        var narrow = config.Int("word_embed_proj_dim", hidden);
        var decoder = Parts.Decoder(
            shape,
            "model.decoder",
            "embed_tokens",
            "layers",
            "lm_head",
            config.Bool("tie_word_embeddings", true),
            Layer,
            Norm("model.decoder.final_layer_norm"));
        return decoder with
        {
            Embedding = decoder.Embedding with
            {
                Positions = new("model.decoder.embed_positions.weight", positions + Offset, First: Offset),
                Width = narrow,
                Projection = narrow == hidden ? null : new("model.decoder.project_in", narrow, hidden),
                PositionsAfterProjection = narrow != hidden,
            },
            Head = decoder.Head with
            {
                Norm = hasFinalNorm ? decoder.Head.Norm : null,
                Dense = narrow == hidden ? null : new("model.decoder.project_out", hidden, narrow),
                DenseActivation = ActivationKind.Identity,
                Output = decoder.Head.Output with { Inputs = narrow },
            },
        };

        LayerSpec Layer(string at, int index) => new()
        {
            Layout = isBefore ? ResidualLayout.Sequential : ResidualLayout.NormAfterAddition,
            AttentionNorm = isBefore ? Norm($"{at}.self_attn_layer_norm") : null,
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, bias, output: "out_proj"),
            AttentionOutputNorm = isBefore ? null : Norm($"{at}.self_attn_layer_norm"),
            FeedForwardNorm = isBefore ? Norm($"{at}.final_layer_norm") : null,
            FeedForward = new MlpSpec(new($"{at}.fc1", hidden, inner, bias), new($"{at}.fc2", inner, hidden, bias), activation),
            FeedForwardOutputNorm = isBefore ? null : Norm($"{at}.final_layer_norm"),
        };

        NormSpec Norm(string module) => new(module, NormKind.Layer, hidden, 1e-5, Weighted: isAffine, Bias: isAffine);
    }
}
