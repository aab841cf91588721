using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>GPT-2 (Radford et al. 2019): learned positions, layer norms, one fused projection, weights stored [in, out].</summary>
internal sealed class Gpt2Family : DecoderFamily
{
    public override string ModelType => "gpt2";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["hidden_size"] = "n_embd",
        ["num_attention_heads"] = "n_head",
        ["num_hidden_layers"] = "n_layer",
        ["max_position_embeddings"] = "n_positions",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        if (config.Bool("add_cross_attention", false))
            throw config.Unsupported("add_cross_attention", "false");
        var hidden = config.Int("n_embd", 768);
        var heads = config.Int("n_head", 12);
        if (hidden % heads != 0)
            throw config.Invalid("n_head", $"a divisor of 'n_embd' ({hidden})");
        var shape = new DecoderShape(
            config.Int("vocab_size", 50257),
            hidden,
            config.Int("n_inner", 4 * hidden),
            config.Int("n_layer", 12),
            heads,
            heads,
            config.Int("n_positions", 1024),
            hidden / heads);
        var epsilon = config.Double("layer_norm_epsilon", 1e-5);
        var activation = config.Activation("activation_function", "gelu_new");
        var scale = config.Bool("scale_attn_weights", true) ? 1 / Math.Sqrt(shape.HeadSize) : 1;
        var byDepth = config.Bool("scale_attn_by_inverse_layer_idx", false);
        var decoder = Parts.Decoder(
            shape,
            "transformer",
            "wte",
            "h",
            "lm_head",
            config.Bool("tie_word_embeddings", true),
            Layer,
            NormSpec.Layer("transformer.ln_f", hidden, epsilon));
        return decoder with { Embedding = decoder.Embedding with { Positions = new("transformer.wpe.weight", shape.MaximumPositions) } };

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = NormSpec.Layer($"{at}.ln_1", hidden, epsilon),
            Attention = Parts.FusedAttention(
                shape, Conv($"{at}.attn.c_attn", hidden, 3 * hidden), Conv($"{at}.attn.c_proj", hidden, hidden)) with
            {
                Scale = byDepth ? scale / (index + 1) : scale,
            },
            FeedForwardNorm = NormSpec.Layer($"{at}.ln_2", hidden, epsilon),
            FeedForward = new MlpSpec(
                Conv($"{at}.mlp.c_fc", hidden, shape.Intermediate), Conv($"{at}.mlp.c_proj", shape.Intermediate, hidden), activation),
        };

        static LinearSpec Conv(string module, int inputs, int outputs) => new(module, inputs, outputs, Bias: true) { StoredByInput = true };
    }
}
