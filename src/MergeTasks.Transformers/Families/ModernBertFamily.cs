using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// ModernBERT (arXiv 2412.13663): norms before the parts, rotary positions, fused gates, a window on both sides in most layers.
/// </summary>
internal sealed class ModernBertFamily : EncoderFamily
{
    private const string TokenTable = "model.embeddings.tok_embeddings.weight";

    public override string ModelType => "modernbert";

    protected override string MaskedModel => "ModernBertForMaskedLM";

    protected override string Classifier => "ModernBertForSequenceClassification";

    protected override TransformerSpec DescribeEncoder(ConfigReader config, IReadOnlyList<string>? labels)
    {
        var hidden = config.Int("hidden_size", 768);
        var heads = ReadHeads(config, "num_attention_heads", 12, hidden);
        var (inner, layers, positions) =
            (config.Int("intermediate_size", 1152), config.Int("num_hidden_layers", 22), config.Int("max_position_embeddings", 8192));
        var shape = new DecoderShape(config.Int("vocab_size", 50368), hidden, inner, layers, heads, heads, positions, hidden / heads);
        var epsilon = config.Double("norm_eps", 1e-5);
        var (normBias, bias, mlpBias) =
            (config.Bool("norm_bias", false), config.Bool("attention_bias", false), config.Bool("mlp_bias", false));
        var activation = config.Activation("hidden_activation", "gelu");
        // The newer key is half of the older one, which it outranks.
        var window = (config.OptionalInt("sliding_window") ?? config.Int("local_attention", 128) / 2) + 1;
        var every = config.Int("global_attn_every_n_layers", 3);
        var slides = DecoderFamily.SlidingLayers(config, layers, layer => layer % every != 0);
        var full = new RopeDefaults(config.PositiveDouble("global_rope_theta", 160000)) { FamilyTheta = true };
        var local = config.PositiveDouble("local_rope_theta", 10000);

        // An older scaling beside the two bases is that of all layers.
        var ropes = config.Has("rope_parameters")
            ? DecoderFamily.RopeByLayer(config, shape, full, local)
            : (Full: RopeReader.Read(config, shape.Size, full), Sliding: RopeReader.Read(config, shape.Size, full with { Theta = local }));
        IgnoreTraining(config);
        return new TransformerSpec
        {
            Task = labels is null ? ModelTask.MaskedLanguageModel : ModelTask.SequenceClassification,
            InnerPrefix = "model.",
            MaximumPositions = positions,
            Labels = labels ?? [],
            Embedding = new EmbeddingSpec
            {
                Token = TokenTable,
                Vocabulary = shape.Vocabulary,
                Width = hidden,
                Norm = Norm("model.embeddings.norm")
            },
            Layers = [.. Enumerable.Range(0, layers).Select(layer => DescribeLayer($"model.layers.{layer}", layer))],
            Head = DescribeHead(config, hidden, Norm, shape.Vocabulary, labels?.Count),
        };

        LayerSpec DescribeLayer(string at, int index) => new()
        {
            AttentionNorm = index == 0 ? null : Norm($"{at}.attn_norm"),
            Attention = Parts.FusedAttention(
                shape, new($"{at}.attn.Wqkv", hidden, 3 * hidden, bias), new($"{at}.attn.Wo", hidden, hidden, bias)) with
            {
                Causal = false,
                Rope = slides(index) ? ropes.Sliding : ropes.Full,
                Window = slides(index) ? window : null,
            },
            FeedForwardNorm = Norm($"{at}.mlp_norm"),
            FeedForward = new MlpSpec(
                new($"{at}.mlp.Wi", hidden, 2 * inner, mlpBias), new($"{at}.mlp.Wo", inner, hidden, mlpBias), activation)
            {
                GateInUp = GatePlace.FirstHalf,
            },
        };

        NormSpec Norm(string module) => new(module, NormKind.Layer, hidden, epsilon, Bias: normBias);
    }

    private static HeadSpec DescribeHead(ConfigReader config, int hidden, Func<string, NormSpec> norm, int vocabulary, int? labels)
    {
        var pooling = config.OptionalText("classifier_pooling") ?? "cls";
        if (pooling is not ("cls" or "mean"))
            throw config.Unsupported("classifier_pooling", "\"cls\" and \"mean\"");
        var (decoderBias, isTied) = (config.Bool("decoder_bias", true), config.Bool("tie_word_embeddings", true));
        var head = new HeadSpec
        {
            Norm = norm("model.final_norm"),
            Dense = new("head.dense", hidden, hidden, config.Bool("classifier_bias", false)),
            DenseActivation = config.Activation("classifier_activation", "gelu"),
            DenseNorm = norm("head.norm"),
            Output = new LinearSpec("decoder", hidden, vocabulary, decoderBias),
        };
        return labels is { } count
            ? head with { FirstTokenOnly = true, PoolsMean = pooling == "mean", Output = new("classifier", hidden, count, true) }
            : isTied ? head with { Output = head.Output with { Weight = TokenTable } } : head;
    }

    // What only training, or another implementation of the same arithmetic, reads.
    private static void IgnoreTraining(ConfigReader config) => config.Ignore(
        "classifier_dropout",
        "embedding_dropout",
        "mlp_dropout",
        "deterministic_flash_attn",
        "reference_compile",
        "repad_logits_with_grad",
        "initializer_cutoff_factor",
        "sparse_prediction",
        "sparse_pred_ignore_index",
        "cls_token_id",
        "sep_token_id");
}
