using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>BERT (arXiv 1810.04805).</summary>
internal sealed class BertFamily : EncoderFamily
{
    public override string ModelType => "bert";

    protected override string MaskedModel => "BertForMaskedLM";

    protected override string Classifier => "BertForSequenceClassification";

    protected override TransformerSpec DescribeEncoder(ConfigReader config, IReadOnlyList<string>? labels)
    {
        var bert = new BertNamedEncoder(
            config, "bert", hidden => ReadHeads(config, "num_attention_heads", 12, hidden), new(30522, 768, 3072, 12));
        return labels is null
            ? bert.Describe(ModelTask.MaskedLanguageModel, MaskedHead(config, bert), null)
            : bert.Describe(ModelTask.SequenceClassification, ClassifierHead(bert, labels.Count), labels);
    }

    private static HeadSpec MaskedHead(ConfigReader config, BertNamedEncoder bert) => new()
    {
        Dense = new("cls.predictions.transform.dense", bert.Hidden, bert.Hidden, true),
        DenseActivation = bert.Activation,
        DenseNorm = NormSpec.Layer("cls.predictions.transform.LayerNorm", bert.Hidden, bert.Epsilon),
        Output = VocabularyOutput(config, "cls.predictions.decoder", bert.Hidden, bert.Vocabulary, bert.TokenTable, "cls.predictions.bias"),
    };

    private static HeadSpec ClassifierHead(BertNamedEncoder bert, int labels) => new()
    {
        FirstTokenOnly = true,
        Dense = new("bert.pooler.dense", bert.Hidden, bert.Hidden, true),
        DenseActivation = ActivationKind.Tanh,
        Output = new("classifier", bert.Hidden, labels, true),
    };
}
