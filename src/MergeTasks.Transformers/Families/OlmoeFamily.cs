using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>OLMoE (arXiv 2409.02060): Llama's layers with norms on all queries and keys, clamped after these, and a mixture.</summary>
internal sealed class OlmoeFamily : DecoderFamily
{
    public override string ModelType => "olmoe";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["num_local_experts"] = "num_experts",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(50304, 2048, 2048, 16, 16, 0, 4096));
        var bias = config.Bool("attention_bias", false);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-5), config.Activation("hidden_act", "silu"))
        {
            InputBias = bias,
            OutputBias = bias,
            Rope = RopeReader.Read(config, shape.Size, 10000),
        };
        double? clip = config.Has("clip_qkv") ? config.PositiveDouble("clip_qkv", 0) : null;
        var (experts, perToken) = Experts.Read(config, "num_experts", 64, 8);
        var routing = new RoutingSpec(perToken, RouterFunction.Softmax) { Renormalised = config.Bool("norm_topk_prob", false) ? 0 : null };
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index) => Parts.LlamaLayer(at, shape, style).Attending(attention =>
            attention.WithWholeNorms($"{at}.self_attn", style.Epsilon) with { Clip = clip, ClipsAfterNorms = true }) with
        {
            FeedForward = Experts.Mixture($"{at}.mlp", shape.Hidden, shape.Intermediate, experts, style.Activation, routing),
        };
    }
}
