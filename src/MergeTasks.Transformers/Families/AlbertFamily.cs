using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>ALBERT (arXiv 1909.11942): narrow tables, and groups of layers that are run several times with the same weights.</summary>
internal sealed class AlbertFamily : EncoderFamily
{
    private const string TokenTable = "albert.embeddings.word_embeddings.weight";

    public override string ModelType => "albert";

    protected override string MaskedModel => "AlbertForMaskedLM";

    protected override string Classifier => "AlbertForSequenceClassification";

    protected override TransformerSpec DescribeEncoder(ConfigReader config, IReadOnlyList<string>? labels)
    {
        var (width, hidden, inner) =
            (config.Int("embedding_size", 128), config.Int("hidden_size", 4096), config.Int("intermediate_size", 16384));
        var heads = ReadHeads(config, "num_attention_heads", 64, hidden);
        var epsilon = config.Double("layer_norm_eps", 1e-12);
        var activation = config.Activation("hidden_act", "gelu_new");
        var vocabulary = config.Int("vocab_size", 30000);
        var positions = config.Int("max_position_embeddings", 512);
        var (layers, groups, perGroup) =
            (config.Int("num_hidden_layers", 12), config.Int("num_hidden_groups", 1), config.Int("inner_group_num", 1));
        if (groups > layers)
            throw config.Invalid("num_hidden_groups", $"at most 'num_hidden_layers' ({layers})");
        const string at = "albert.embeddings";
        return new TransformerSpec
        {
            Task = labels is null ? ModelTask.MaskedLanguageModel : ModelTask.SequenceClassification,
            InnerPrefix = "albert.",
            MaximumPositions = positions,
            Labels = labels ?? [],
            Embedding = new EmbeddingSpec
            {
                Token = TokenTable,
                Vocabulary = vocabulary,
                Width = width,
                Positions = new($"{at}.position_embeddings.weight", positions),
                Types = ($"{at}.token_type_embeddings.weight", config.Int("type_vocab_size", 2)),
                Norm = NormSpec.Layer($"{at}.LayerNorm", width, epsilon),
                Projection = new("albert.encoder.embedding_hidden_mapping_in", width, hidden, true),
            },
            Layers = [.. Enumerable.Range(0, layers).SelectMany(layer => Enumerable.Range(0, perGroup)
                .Select(inGroup =>
                    DescribeLayer(
                        $"albert.encoder.albert_layer_groups.{(int)(layer / ((double)layers / groups))}.albert_layers.{inGroup}")))],
            Head = labels is null ? MaskedHead() : ClassifierHead(labels.Count),
        };

        LayerSpec DescribeLayer(string layer) => Layer(
            hidden,
            inner,
            heads,
            epsilon,
            activation,
            $"{layer}.attention.query",
            $"{layer}.attention.key",
            $"{layer}.attention.value",
            $"{layer}.attention.dense",
            $"{layer}.attention.LayerNorm",
            $"{layer}.ffn",
            $"{layer}.ffn_output",
            $"{layer}.full_layer_layer_norm");

        HeadSpec MaskedHead() => new()
        {
            Dense = new("predictions.dense", hidden, width, true),
            DenseActivation = activation,
            DenseNorm = NormSpec.Layer("predictions.LayerNorm", width, epsilon),
            Output = VocabularyOutput(config, "predictions.decoder", width, vocabulary, TokenTable, "predictions.bias"),
        };

        HeadSpec ClassifierHead(int labelCount) => new()
        {
            FirstTokenOnly = true,
            Dense = new("albert.pooler", hidden, hidden, true),
            DenseActivation = ActivationKind.Tanh,
            Output = new("classifier", hidden, labelCount, true),
        };
    }
}
