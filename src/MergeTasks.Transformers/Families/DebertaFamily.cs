using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>DeBERTa V2 and V3 (arXiv 2006.03654, 2111.09543): BERT's layers with scores of content and of distance.</summary>
internal sealed class DebertaFamily : EncoderFamily
{
    public override string ModelType => "deberta-v2";

    protected override string MaskedModel => "DebertaV2ForMaskedLM";

    protected override string Classifier => "DebertaV2ForSequenceClassification";

    protected override TransformerSpec DescribeEncoder(ConfigReader config, IReadOnlyList<string>? labels)
    {
        var deberta = new BertNamedEncoder(
            config,
            "deberta",
            hidden => ReadHeads(config, "num_attention_heads", 24, hidden),
            new(128100, 1536, 6144, 24) { Epsilon = 1e-7, Types = 0 });
        if (config.Int("embedding_size", deberta.Hidden) != deberta.Hidden)
            throw config.Unsupported("embedding_size", $"'hidden_size' ({deberta.Hidden})");
        if (config.Int("conv_kernel_size", 0, minimum: 0) != 0)
            throw config.Unsupported("conv_kernel_size", "0");
        config.RequireFlag("relative_attention", true);
        // Keys of the first implementation, and of heads that are built the same whatever they say.
        config.Ignore("conv_act", "attention_head_size", "pooler_size");
        var pooler = config.Int("pooler_hidden_size", deberta.Hidden);
        var pooled = config.Activation("pooler_hidden_act", "gelu");
        var legacy = config.Bool("legacy", true);
        var hasPositions = config.Bool("position_biased_input", true);
        var attention = Attention(config, deberta);
        var task = labels is null ? ModelTask.MaskedLanguageModel : ModelTask.SequenceClassification;
        var model = deberta.Describe(
            task, labels is null ? MaskedHead(config, deberta, legacy) : ClassifierHead(deberta, labels.Count, pooler, pooled), labels);
        return model with
        {
            Embedding = model.Embedding with { Positions = hasPositions ? model.Embedding.Positions : null, ZeroesPadding = true },
            Layers = [.. model.Layers.Select((layer, i) => layer with { Attention = attention($"deberta.encoder.layer.{i}.attention") })],
        };
    }

    private static Func<string, DisentangledSpec> Attention(ConfigReader config, BertNamedEncoder deberta)
    {
        var (hidden, heads) = (deberta.Hidden, deberta.Heads);
        var farthest = config.OptionalInt("max_relative_positions", minimum: -1) is > 0 and var given ? given : deberta.Positions;
        var buckets = Math.Max(0, config.Int("position_buckets", -1, minimum: -1));
        if (buckets == 1)
            throw config.Invalid("position_buckets", "at least 2, or −1 for none");
        var types = Types(config);
        var shared = config.Bool("share_att_key", false);
        var norm = (config.OptionalText("norm_rel_ebd") ?? "none").Split('|').Select(part => part.Trim()).ToArray();
        if (!Array.TrueForAll(norm, part => part is "none" or "layer_norm"))
            throw config.Unsupported("norm_rel_ebd", "\"none\" and \"layer_norm\"");
        return at => new DisentangledSpec
        {
            Projections = (Own($"{at}.self.query_proj"), Own($"{at}.self.key_proj"), Own($"{at}.self.value_proj")),
            Output = Own($"{at}.output.dense"),
            Heads = heads,
            HeadSize = hidden / heads,
            Table = "deberta.encoder.rel_embeddings.weight",
            TableNorm = norm.Contains("layer_norm") ? NormSpec.Layer("deberta.encoder.LayerNorm", hidden, deberta.Epsilon) : null,
            Span = buckets > 0 ? buckets : farthest,
            Buckets = buckets,
            Farthest = farthest,
            QueryScoresDistance = types.Contains("c2p"),
            KeyScoresDistance = types.Contains("p2c"),
            TableProjections = shared ? null : (Own($"{at}.self.pos_key_proj"), Own($"{at}.self.pos_query_proj")),
        };

        LinearSpec Own(string module) => new(module, hidden, hidden, true);
    }

    // Published as a list, or as texts with bars between them.
    private static string[] Types(ConfigReader config)
    {
        var types = config.IsText("pos_att_type")
            ? config.OptionalText("pos_att_type")!.Split('|')
            : config.OptionalTexts("pos_att_type") ?? [];
        return Array.TrueForAll(types, type => type.Trim() is "c2p" or "p2c")
            ? [.. types.Select(type => type.Trim())]
            : throw config.Unsupported("pos_att_type", "\"c2p\" and \"p2c\"");
    }

    // The newer head has no matrix of its own for the vocabulary, tied or not.
    private static HeadSpec MaskedHead(ConfigReader config, BertNamedEncoder deberta, bool legacy)
    {
        var at = legacy ? "cls.predictions.transform" : "lm_predictions.lm_head";
        return new()
        {
            Dense = new($"{at}.dense", deberta.Hidden, deberta.Hidden, true),
            DenseActivation = deberta.Activation,
            DenseNorm = NormSpec.Layer($"{at}.LayerNorm", deberta.Hidden, deberta.Epsilon),
            Output = legacy
                ? VocabularyOutput(
                    config, "cls.predictions.decoder", deberta.Hidden, deberta.Vocabulary, deberta.TokenTable, "cls.predictions.bias")
                : new LinearSpec(at, deberta.Hidden, deberta.Vocabulary, Bias: true) { Weight = deberta.TokenTable },
        };
    }

    private static HeadSpec ClassifierHead(BertNamedEncoder deberta, int labels, int pooler, ActivationKind pooled) => new()
    {
        FirstTokenOnly = true,
        Dense = new("pooler.dense", pooler, pooler, true),
        DenseActivation = pooled,
        Output = new("classifier", pooler, labels, true),
    };
}
