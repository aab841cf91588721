using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// DistilBERT (arXiv 1910.01108). Whether positions are sinusoids (<c>sinusoidal_pos_embds</c>) only says how the table was filled: it is
/// stored and read like a learned one.
/// </summary>
internal sealed class DistilBertFamily : EncoderFamily
{
    private const double Epsilon = 1e-12;

    public override string ModelType => "distilbert";

    protected override string MaskedModel => "DistilBertForMaskedLM";

    protected override string Classifier => "DistilBertForSequenceClassification";

    protected override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>
    {
        ["hidden_size"] = "dim",
        ["num_attention_heads"] = "n_heads",
        ["num_hidden_layers"] = "n_layers",
    };

    protected override TransformerSpec DescribeEncoder(ConfigReader config, IReadOnlyList<string>? labels)
    {
        const string tokenTable = "distilbert.embeddings.word_embeddings.weight";
        var hidden = config.Int("dim", 768);
        var heads = ReadHeads(config, "n_heads", 12, hidden);
        var layers = config.Int("n_layers", 6);
        var inner = config.Int("hidden_dim", 3072);
        var vocabulary = config.Int("vocab_size", 30522);
        var positions = config.Int("max_position_embeddings", 512);
        var activation = config.Activation("activation", "gelu");
        return new TransformerSpec
        {
            Task = labels is null ? ModelTask.MaskedLanguageModel : ModelTask.SequenceClassification,
            InnerPrefix = "distilbert.",
            MaximumPositions = positions,
            Labels = labels ?? [],
            Embedding = new EmbeddingSpec
            {
                Token = tokenTable,
                Vocabulary = vocabulary,
                Width = hidden,
                Positions = new("distilbert.embeddings.position_embeddings.weight", positions),
                Norm = NormSpec.Layer("distilbert.embeddings.LayerNorm", hidden, Epsilon),
            },
            Layers = [.. Enumerable.Range(0, layers).Select(layer => DescribeLayer($"distilbert.transformer.layer.{layer}"))],
            Head = labels is null ? MaskedHead() : ClassifierHead(labels.Count),
        };

        LayerSpec DescribeLayer(string at) => Layer(
            hidden,
            inner,
            heads,
            Epsilon,
            activation,
            $"{at}.attention.q_lin",
            $"{at}.attention.k_lin",
            $"{at}.attention.v_lin",
            $"{at}.attention.out_lin",
            $"{at}.sa_layer_norm",
            $"{at}.ffn.lin1",
            $"{at}.ffn.lin2",
            $"{at}.output_layer_norm");

        HeadSpec MaskedHead() => new()
        {
            Dense = new("vocab_transform", hidden, hidden, true),
            DenseActivation = activation,
            DenseNorm = NormSpec.Layer("vocab_layer_norm", hidden, Epsilon),
            Output = VocabularyOutput(config, "vocab_projector", hidden, vocabulary, tokenTable, "vocab_projector.bias"),
        };

        HeadSpec ClassifierHead(int labelCount) => new()
        {
            FirstTokenOnly = true,
            Dense = new("pre_classifier", hidden, hidden, true),
            DenseActivation = ActivationKind.Relu,
            Output = new("classifier", hidden, labelCount, true),
        };
    }
}
