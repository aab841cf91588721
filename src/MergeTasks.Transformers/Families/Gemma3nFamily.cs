using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// Gemma 3n: several residual streams (AltUp), a residual of low rank beside each attention, vectors of each token for each layer, sparse
/// gates in the first layers, and last layers that share keys and values.
/// </summary>
internal sealed class Gemma3nFamily : DecoderFamily
{
    public override string ModelType => "gemma3n_text";

    protected override TransformerSpec DescribeDecoder(ConfigReader config)
    {
        var shape = DecoderShape.Read(config, new(262400, 2048, 16384, 35, 8, 2, 32768, HeadSize: 256), oneIntermediate: false);
        var epsilon = config.Double("rms_norm_eps", 1e-6);
        var bias = config.Bool("attention_bias", false);
        var activation = config.Activation("hidden_activation", "gelu_pytorch_tanh");
        var widths = Widths(config, shape);
        var sparsities = Sparsities(config, shape.Layers);
        var window = Window(config, 512);
        var slides = SlidingLayers(config, shape.Layers, layer => (layer + 1) % 5 != 0);
        var shared = new SharedKeys(config, GemmaLayerVectors.Kinds(shape.Layers, slides), 15);
        var ropes = RopeByLayer(config, shape, new RopeDefaults(1000000), config.PositiveDouble("rope_local_base_freq", 10000));
        var vectors = GemmaLayerVectors.Read(config, shape, epsilon)
            ?? throw config.Invalid("hidden_size_per_layer_input", "a whole number of at least 1");
        var rank = config.Int("laurel_rank", 64);
        var streams = config.Int("altup_num_inputs", 4, minimum: 2);
        var active = config.Int("altup_active_idx", 0, minimum: 0);
        if (active >= streams)
            throw config.Invalid("altup_active_idx", $"below 'altup_num_inputs' ({streams})");
        var scalesOutput = config.Bool("altup_correct_scale", true);
        double? clip = config.Mentions("altup_coef_clip") && !config.Has("altup_coef_clip")
            ? null
            : config.PositiveDouble("altup_coef_clip", 120);
        var decoder = Parts.LlamaNamedDecoder(shape, config.Bool("tie_word_embeddings", true), Layer, Norm("model.norm", shape.Hidden));
        return decoder with
        {
            Embedding = decoder.Embedding with
            {
                Scale = MathF.Sqrt(shape.Hidden),
                LayerTable = vectors.Table,
                Streams = Maps("altup_projections"),
            },
            Head = decoder.Head with { Streams = Maps("altup_unembed_projections"), ScoreCap = Cap(config) },
        };

        LayerSpec Layer(string at, int index) => new()
        {
            AttentionNorm = Norm($"{at}.input_layernorm", shape.Hidden),
            Attention = new LaurelSpec(
                shared.Applied(Attention($"{at}.self_attn", slides(index)), index),
                Norm($"{at}.post_attention_layernorm", shape.Hidden),
                new($"{at}.laurel.linear_left", shape.Hidden, rank),
                new($"{at}.laurel.linear_right", rank, shape.Hidden),
                Norm($"{at}.laurel.post_laurel_norm", shape.Hidden)),
            AttentionFactor = MathF.Sqrt(0.5f),
            AttentionStreamFactor = MathF.Sqrt(0.5f),
            FeedForwardNorm = Norm($"{at}.pre_feedforward_layernorm", shape.Hidden),
            FeedForward = Parts.GatedMlp($"{at}.mlp", shape.Hidden, widths[index], activation) with { GateSparsity = sparsities[index] },
            FeedForwardOutputNorm = Norm($"{at}.post_feedforward_layernorm", shape.Hidden),
            LayerInput = vectors.Of(at, index, activation),
            Alternating = Alternating($"{at}.altup"),
        };

        AttentionSpec Attention(string at, bool isSliding) => Parts.SeparateAttention(at, shape, bias, bias) with
        {
            Rope = isSliding ? ropes.Sliding : ropes.Full,
            Scale = 1,
            Window = isSliding ? window : null,
            QueryNorm = new(Norm($"{at}.q_norm", shape.HeadSize), HeadNormScope.EachHead),
            KeyNorm = new(Norm($"{at}.k_norm", shape.HeadSize), HeadNormScope.EachHead),
            ValueNorm = new(Norm($"{at}.v_norm", shape.HeadSize) with { Weighted = false }, HeadNormScope.EachHead),
        };

        AlternatingSpec Alternating(string at) => new()
        {
            Streams = streams,
            Active = active,
            Width = shape.Hidden,
            RouterNorm = Norm($"{at}.router_norm", shape.Hidden),
            Router = new($"{at}.modality_router", shape.Hidden, streams),
            Prediction = new($"{at}.prediction_coefs", streams, streams * streams),
            Correction = new($"{at}.correction_coefs", streams, streams) { Clamp = clip },
            OutputScale = scalesOutput ? $"{at}.correct_output_scale" : null,
        };

        StreamMapsSpec Maps(string name) =>
            new([.. Enumerable.Range(0, streams - 1).Select(i => new LinearSpec($"model.{name}.{i}", shape.Hidden, shape.Hidden))]);

        NormSpec Norm(string module, int width) => NormSpec.Rms(module, width, epsilon);
    }

    private static double? Cap(ConfigReader config) => config.Mentions("final_logit_softcapping") && !config.Has("final_logit_softcapping")
        ? null
        : config.PositiveDouble("final_logit_softcapping", 30);

    private static int[] Widths(ConfigReader config, DecoderShape shape)
    {
        const string key = "intermediate_size";
        if (!config.IsList(key))
            return [.. Enumerable.Repeat(config.Int(key, shape.Intermediate), shape.Layers)];
        var widths = config.OptionalInts(key, minimum: 1)!;
        return widths.Length == shape.Layers ? widths : throw config.Invalid(key, $"a number, or a list of {shape.Layers}, one for each layer");
    }

    // Without the key, the first ten layers of a deep model are sparse.
    private static double[] Sparsities(ConfigReader config, int layers)
    {
        const string key = "activation_sparsity_pattern";
        var shares = config.OptionalNumbers(key)
            ?? [.. Enumerable.Range(0, layers).Select(layer => layers > 10 && layer < 10 ? 0.95 : 0)];
        return shares.Length == layers && Array.TrueForAll(shares, share => share < 1)
            ? shares
            : throw config.Invalid(key, $"a list of {layers} numbers below 1, one for each layer");
    }
}
