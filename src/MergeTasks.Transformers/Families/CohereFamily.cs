using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Cohere's Command R (parallel parts behind one norm without bias, neighbouring channels rotated, scaled logits), and Command R7B
/// (windows, and no rotation in layers without one).
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class CohereFamily(string modelType) : DecoderFamily
{
    public override string ModelType => modelType;

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(256000, 8192, 22528, 40, 64, 0, 8192));
        var epsilon = config.Double("layer_norm_eps", 1e-5);
        var bias = config.Bool("attention_bias", false);
        var activation = config.Activation("hidden_act", "silu");
        var normalised = modelType == "cohere" && config.Bool("use_qk_norm", false);
        var rope = RopeReader.Read(config, shape.Size, modelType == "cohere" ? 500000 : 10000).InNeighbours();
        var windows = modelType == "cohere" ? _ => (false, null) : Windows(config, shape.Layers);
        var decoder = Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", true), Layer, Norm("model.norm"));
        return decoder with { Head = decoder.Head with { ScoreFactor = config.Double("logit_scale", 0.0625) } };

        LayerSpec Layer(string at, int index)
        {
            var (isFull, window) = windows(index);
            return new()
            {
                Layout = ResidualLayout.Parallel,
                AttentionNorm = Norm($"{at}.input_layernorm"),
                Attention = Parts.SeparateAttention($"{at}.self_attn", shape, bias, bias) with
                {
                    Rope = isFull ? null : rope,
                    Window = window,
                    QueryNorm = HeadNorm($"{at}.self_attn.q_norm"),
                    KeyNorm = HeadNorm($"{at}.self_attn.k_norm"),
                },
                FeedForward = Parts.GatedMlp($"{at}.mlp", shape, activation),
            };
        }

        NormSpec Norm(string module) => new(module, NormKind.Layer, shape.Hidden, epsilon);

        HeadNormSpec? HeadNorm(string module) =>
            normalised ? new(new NormSpec(module, NormKind.Layer, shape.HeadSize, epsilon), HeadNormScope.EachHeadOwnRow) : null;
    }

    private static Func<int, (bool IsFull, int? Window)> Windows(ConfigReader config, int layers)
    {
        var window = Window(config, 4096);
        var pattern = config.OptionalInt("sliding_window_pattern") ?? config.Int("_sliding_window_pattern", 4);
        var slides = SlidingLayers(config, layers, layer => (layer + 1) % pattern != 0);
        return layer => slides(layer) && window is not null ? (false, window) : (true, null);
    }
}
