using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Mistral (arXiv 2310.06825): Llama's layout with a sliding window in every layer.</summary>
internal sealed class MistralFamily : DecoderFamily
{
    public override string ModelType => "mistral";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(32000, 4096, 14336, 32, 32, 8, 4096 * 32));
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var activation = config.Activation("hidden_act", "silu");
        // The class's own default is a window; null turns it off.
        var window = config.Mentions("sliding_window") ? config.OptionalInt("sliding_window") : 4096;
        var rope = RopeReader.Read(config, shape.Size, 10000);
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, epsilon));

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = NormSpec.Rms($"{at}.input_layernorm", shape.Hidden, epsilon),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, false, false) with { Rope = rope, Window = window },
            FeedForwardNorm = NormSpec.Rms($"{at}.post_attention_layernorm", shape.Hidden, epsilon),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
        };
    }
}
