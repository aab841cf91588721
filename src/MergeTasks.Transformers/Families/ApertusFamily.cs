using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Apertus (arXiv 2509.14233): Llama's layers, the feed-forward part without a gate and with a learned function, norms on each head's
/// queries and keys.
/// </summary>
internal sealed class ApertusFamily : DecoderFamily
{
    private const string Settings = """
        {"rope_type":"llama3","rope_theta":12000000.0,"factor":8.0,"original_max_position_embeddings":8192,"low_freq_factor":1.0,"high_freq_factor":4.0}
        """;

    public override string ModelType => "apertus";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(131072, 4096, 14336, 32, 32, 0, 65536));
        var bias = config.Bool("attention_bias", false);
        var isLearned = (config.OptionalText("hidden_act") ?? "xielu") == "xielu";
        var style = new LlamaStyle(
            config.Double("rms_norm_eps", 1e-5), isLearned ? ActivationKind.Identity : config.Activation("hidden_act", "silu"))
        {
            InputBias = bias,
            OutputBias = bias,
            Rope = RopeReader.Read(config, shape.Size, new RopeDefaults(12000000) { Settings = Settings }),
        };
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index)
        {
            var layer = Parts.LlamaLayer(at, shape, style)
                .Attending(attention => attention.WithHeadNorms($"{at}.self_attn", style.Epsilon));
            var function = $"{at}.mlp.act_fn";
            return layer with
            {
                AttentionNorm = NormSpec.Rms($"{at}.attention_layernorm", shape.Hidden, style.Epsilon),
                FeedForwardNorm = NormSpec.Rms($"{at}.feedforward_layernorm", shape.Hidden, style.Epsilon),
                FeedForward = (MlpSpec)layer.FeedForward with
                {
                    Gate = null,
                    Learned = isLearned ? new($"{function}.alpha_p", $"{function}.alpha_n", $"{function}.beta", $"{function}.eps") : null,
                },
            };
        }
    }
}
