using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>Gemma (arXiv 2403.08295): scaled embeddings, norms that multiply by 1 + w, tanh-approximated GELU gates.</summary>
internal sealed class GemmaFamily : DecoderFamily
{
    private const string TanhGelu = "gelu_pytorch_tanh";

    public override string ModelType => "gemma";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(256000, 3072, 24576, 28, 16, 16, 8192, HeadSize: 256));
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var bias = config.Bool("attention_bias", false);
        var activation = ReadActivation(config);
        var rope = RopeReader.Read(config, shape.Size, 10000);
        var decoder = Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", true), Layer, Norm("model.norm"));
        return decoder with { Embedding = decoder.Embedding with { Scale = MathF.Sqrt(shape.Hidden) } };

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = Norm($"{at}.input_layernorm"),
            Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, bias) with { Rope = rope },
            FeedForwardNorm = Norm($"{at}.post_attention_layernorm"),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
        };

        NormSpec Norm(string module) => NormSpec.Rms(module, shape.Hidden, epsilon) with { WeightOffset = 1 };
    }

    // The first published configurations say hidden_act "gelu" and mean the tanh form: hidden_activation was added to say which.
    private static ActivationKind ReadActivation(ConfigReader config)
    {
        var first = config.OptionalText("hidden_act");
        return config.Has("hidden_activation") ? config.Activation("hidden_activation", TanhGelu)
            : first is "gelu" ? ActivationKind.GeluTanh
            : config.Activation("hidden_act", TanhGelu);
    }
}
