using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// RoBERTa (arXiv 1907.11692), and XLM-RoBERTa and CamemBERT, which differ in what they were trained on: BERT's layers, positions counted
/// from the padding id, other heads.
/// </summary>
/// <param name="modelType">The value of <c>model_type</c>.</param>
/// <param name="named">What the names of its classes begin with.</param>
/// <param name="vocabulary">Rows of the token table where the key is absent.</param>
internal sealed class RobertaFamily(string modelType, string named, int vocabulary = 50265) : EncoderFamily
{
    public override string ModelType => modelType;

    protected override string MaskedModel => named + "ForMaskedLM";

    protected override string Classifier => named + "ForSequenceClassification";

    protected override TransformerSpec DescribeEncoder(ConfigReader config, IReadOnlyList<string>? labels)
    {
        var padding = config.Int("pad_token_id", 1, minimum: 0);
        var roberta = new BertNamedEncoder(
            config, "roberta", hidden => ReadHeads(config, "num_attention_heads", 12, hidden), new(vocabulary, 768, 3072, 12));
        if (roberta.Positions <= padding + 1)
            throw config.Invalid("max_position_embeddings", $"above 'pad_token_id' + 1 ({padding + 1}), where positions begin");
        return labels is null
            ? roberta.Describe(ModelTask.MaskedLanguageModel, MaskedHead(config, roberta), null, padding)
            : roberta.Describe(ModelTask.SequenceClassification, ClassifierHead(roberta, labels.Count), labels, padding);
    }

    private static HeadSpec MaskedHead(ConfigReader config, BertNamedEncoder roberta) => new()
    {
        Dense = new("lm_head.dense", roberta.Hidden, roberta.Hidden, true),
        DenseActivation = ActivationKind.Gelu,
        DenseNorm = NormSpec.Layer("lm_head.layer_norm", roberta.Hidden, roberta.Epsilon),
        Output = VocabularyOutput(config, "lm_head.decoder", roberta.Hidden, roberta.Vocabulary, roberta.TokenTable, "lm_head.bias"),
    };

    private static HeadSpec ClassifierHead(BertNamedEncoder roberta, int labels) => new()
    {
        FirstTokenOnly = true,
        Dense = new("classifier.dense", roberta.Hidden, roberta.Hidden, true),
        DenseActivation = ActivationKind.Tanh,
        Output = new("classifier.out_proj", roberta.Hidden, labels, true),
    };
}
