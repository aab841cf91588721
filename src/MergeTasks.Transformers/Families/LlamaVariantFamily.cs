using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Families whose layers are Llama's, and which differ in defaults, biases and the names of a few keys: Seed-OSS, ERNIE 4.5, Arcee (whose
/// feed-forward part has no gate).
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
internal sealed class LlamaVariantFamily(string modelType) : DecoderFamily
{
    public override string ModelType => modelType;

    protected override TransformerSpec DescribeDecoder(ConfigReader config) => modelType switch
    {
        "seed_oss" =>
            Describe(
                config, new(155136, 4096, 27648, 64, 80, 8, 524288, HeadSize: 128), 1e-6, 10000, tied: false, "silu", style => style with
                {
                    InputBias = config.Bool("attention_bias", true),
                    OutputBias = config.Bool("attention_out_bias", false),
                    MlpBias = config.Bool("mlp_bias", false),
                }),
        "arcee" => Describe(config, new(32000, 2560, 18432, 32, 32, 0, 4096), 1e-5, 10000, tied: false, "relu2", style => style with
        {
            InputBias = config.Bool("attention_bias", false),
            OutputBias = config.Bool("attention_bias", false),
            MlpBias = config.Bool("mlp_bias", false),
        }),
        _ =>
            Describe(
                config, new(103424, 1024, 3072, 18, 16, 2, 131072, HeadSize: 128), 1e-5, 500000, tied: true, "silu", style => style with
                {
                    InputBias = config.Bool("use_bias", false),
                    OutputBias = config.Bool("use_bias", false),
                    MlpBias = config.Bool("use_bias", false),
                    Rope = style.Rope!.InNeighbours(),
                }),
    };

    private TransformerSpec Describe(
        ConfigReader config,
        DecoderShape absent,
        double epsilon,
        double theta,
        bool tied,
        string activation,
        Func<LlamaStyle, LlamaStyle> own)
    {
        var shape = DecoderShape.Read(config, absent);
        var style = own(new(config.Double("rms_norm_eps", epsilon), config.Activation("hidden_act", activation))
        {
            Rope = RopeReader.Read(config, shape.Size, theta),
        });
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", tied), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index)
        {
            var layer = Parts.LlamaLayer(at, shape, style);
            return modelType == "arcee" ? layer with { FeedForward = (MlpSpec)layer.FeedForward with { Gate = null } } : layer;
        }
    }
}
