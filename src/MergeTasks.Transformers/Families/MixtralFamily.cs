using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Mixtral (arXiv 2401.04088): Mistral with a sparse mixture of gated experts.</summary>
internal sealed class MixtralFamily : DecoderFamily
{
    public override string ModelType => "mixtral";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(32000, 4096, 14336, 32, 32, 8, 4096 * 32));
        var epsilon = config.Double("rms_norm_eps", 1e-5);
        var activation = config.Activation("hidden_act", "silu");
        var window = config.OptionalInt("sliding_window");
        var experts = config.Int("num_local_experts", 8);
        var perToken = config.Int("num_experts_per_tok", 2);
        if (perToken > experts)
            throw config.Invalid("num_experts_per_tok", $"at most 'num_local_experts' ({experts})");
        var rope = RopeReader.Read(config, shape.HeadSize, shape.MaximumPositions, theta: 1e6);
        return Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = NormSpec.Rms($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, false, false) with { Rope = rope, Window = window },
            FeedForwardNorm = NormSpec.Rms($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = new MixtureSpec(
                new($"{at}.block_sparse_moe.gate", shape.Hidden, experts),
                [.. Enumerable.Range(0, experts).Select(expert => Expert($"{at}.block_sparse_moe.experts.{expert}"))],
                perToken),
        };

        MlpSpec Expert(string at) => new(new($"{at}.w3", shape.Hidden, shape.Intermediate), new($"{at}.w2", shape.Intermediate, shape.Hidden), activation)
        {
            Gate = new($"{at}.w1", shape.Hidden, shape.Intermediate),
        };
    }
}
