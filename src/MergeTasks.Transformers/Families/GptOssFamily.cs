using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// GPT-OSS (arXiv 2508.10925): a score without a key in every softmax, windows in every other layer, stacked experts with clamped gates.
/// </summary>
internal sealed class GptOssFamily : DecoderFamily
{
    private const string Settings = """
        {"rope_type":"yarn","factor":32.0,"beta_fast":32.0,"beta_slow":1.0,"truncate":false,"original_max_position_embeddings":4096}
        """;

    public override string ModelType => "gpt_oss";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["num_experts"] = "num_local_experts",
        ["experts_per_token"] = "num_experts_per_tok",
    };

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(201088, 2880, 2880, 36, 64, 8, 131072, HeadSize: 64));
        var bias = config.Bool("attention_bias", true);
        var style = new LlamaStyle(config.Double("rms_norm_eps", 1e-5), ActivationKind.Silu)
        {
            InputBias = bias,
            OutputBias = bias,
            Rope = RopeReader.Read(config, shape.Size, new RopeDefaults(150000) { Settings = Settings }),
        };
        // The experts' function is their own, whatever the key says.
        config.Ignore("hidden_act");
        var window = Window(config, 128);
        var slides = SlidingLayers(config, shape.Layers, layer => layer % 2 == 0);
        var (experts, perToken) = Experts.Read(config, "num_local_experts", 128, 4);
        var clamped = new ClampedGateSpec(config.Double("swiglu_alpha", 1.702), config.PositiveDouble("swiglu_limit", 7));
        return Parts.LlamaNamedDecoder(
            shape, config.Bool("tie_word_embeddings", false), Layer, NormSpec.Rms("model.norm", shape.Hidden, style.Epsilon));

        LayerSpec Layer(string at, int index) => Parts.LlamaLayer(at, shape, style with { Window = slides(index) ? window : null })
            .Attending(attention => attention with { Sinks = $"{at}.self_attn.sinks" }) with
        {
            FeedForward = new MixtureSpec(
                new($"{at}.mlp.router", shape.Hidden, experts, true),
                [.. Enumerable.Range(0, experts).Select(expert => Expert($"{at}.mlp.experts", new(expert, experts)))],
                new RoutingSpec(perToken, RouterFunction.Softmax) { Renormalised = 0 }),
        };

        MlpSpec Expert(string at, StackPlace place) => new(
            Matrix($"{at}.gate_up_proj", shape.Hidden, 2 * shape.Intermediate, place),
            Matrix($"{at}.down_proj", shape.Intermediate, shape.Hidden, place),
            ActivationKind.Silu)
        {
            GateInUp = GatePlace.EvenOutputs,
            Clamped = clamped,
        };

        static LinearSpec Matrix(string name, int inputs, int outputs, StackPlace place) => new(name, inputs, outputs, Bias: true)
        {
            Weight = name,
            BiasNames = [name + "_bias"],
            Stack = place,
            StoredByInput = true,
        };
    }
}
