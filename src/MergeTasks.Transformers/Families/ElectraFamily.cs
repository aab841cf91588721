using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>ELECTRA (arXiv 2003.10555): BERT's layers behind tables that may be narrower, and heads of its own.</summary>
internal sealed class ElectraFamily : EncoderFamily
{
    public override string ModelType => "electra";

    protected override string MaskedModel => "ElectraForMaskedLM";

    protected override string Classifier => "ElectraForSequenceClassification";

    protected override TransformerSpec DescribeEncoder(ConfigReader config, IReadOnlyList<string>? labels)
    {
        var width = config.Int("embedding_size", 128);
        var electra = new BertNamedEncoder(
            config, "electra", hidden => ReadHeads(config, "num_attention_heads", 4, hidden), new(30522, 256, 1024, 12));
        // For other heads than these.
        config.Ignore("summary_activation", "summary_last_dropout", "summary_type", "summary_use_proj");
        var task = labels is null ? ModelTask.MaskedLanguageModel : ModelTask.SequenceClassification;
        var model = electra.Describe(
            task, labels is null ? MaskedHead(config, electra, width) : ClassifierHead(electra, labels.Count), labels);
        return model with
        {
            Embedding = model.Embedding with
            {
                Width = width,
                Norm = NormSpec.Layer("electra.embeddings.LayerNorm", width, electra.Epsilon),
                Projection = width == electra.Hidden ? null : new("electra.embeddings_project", width, electra.Hidden, true),
            },
        };
    }

    private static HeadSpec MaskedHead(ConfigReader config, BertNamedEncoder electra, int width) => new()
    {
        Dense = new("generator_predictions.dense", electra.Hidden, width, true),
        DenseActivation = ActivationKind.Gelu,
        DenseNorm = NormSpec.Layer("generator_predictions.LayerNorm", width, electra.Epsilon),
        Output = VocabularyOutput(config, "generator_lm_head", width, electra.Vocabulary, electra.TokenTable, "generator_lm_head.bias"),
    };

    private static HeadSpec ClassifierHead(BertNamedEncoder electra, int labels) => new()
    {
        FirstTokenOnly = true,
        Dense = new("classifier.dense", electra.Hidden, electra.Hidden, true),
        DenseActivation = ActivationKind.Gelu,
        Output = new("classifier.out_proj", electra.Hidden, labels, true),
    };
}
