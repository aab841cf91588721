using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>ERNIE 4.5's mixtures: neighbouring channels rotated, experts chosen by their share of the softmax and a correction.</summary>
internal sealed class ErnieMoeFamily : DecoderFamily
{
    public override string ModelType => "ernie4_5_moe";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["num_experts"] = "moe_num_experts",
        ["num_experts_per_tok"] = "moe_k",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(103424, 2560, 12288, 28, 20, 4, 131072));
        var bias = config.Bool("use_bias", false);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        {
            InputBias = bias,
            OutputBias = bias,
            MlpBias = bias,
            Rope = RopeReader.Read(config, shape.Size, 500000).InNeighbours(),
        };
        var (experts, perToken) = Experts.Read(config, "moe_num_experts", 64, 6, "moe_k");
        var inner = config.Int("moe_intermediate_size", 1536);
        var shared = inner * config.Int("moe_num_shared_experts", 2, minimum: 0);
        var (first, interval) = (config.Int("moe_layer_start_index", 1, minimum: 0), config.Int("moe_layer_interval", 1));
        var last = config.Int("moe_layer_end_index", -1, minimum: -1);
        var routing = new RoutingSpec(
            perToken, RouterFunction.Softmax)
        { Renormalised = 0, SmallestSum = config.Double("moe_norm_min", 1e-12) };
        var decoder = Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", true), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));
        return decoder with { Head = decoder.Head with { Output = decoder.Head.Output with { Bias = bias } } };

        LayerSpec Layer(string at, int index)
        {
            var layer = Parts.LlamaLayer(at, shape, style);
            var isMixture = (index + 1) % interval == 0 && index >= first && index <= (last < 0 ? shape.Layers - 1 : last);
            return isMixture ? layer with { FeedForward = Mixture($"{at}.mlp") } : layer;
        }

        MixtureSpec Mixture(string at) =>
            Experts.Mixture(at, shape.Hidden, inner, experts, style.Activation, routing with
            {
                Correction = $"{at}.moe_statics.e_score_correction_bias",
                CorrectionIsRow = true,
            }) with
            {
                Shared = shared == 0 ? null : Parts.GatedMlp($"{at}.shared_experts", shape.Hidden, shared, style.Activation, bias),
            };
    }
}
