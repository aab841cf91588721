using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>RoBERTa (arXiv 1907.11692): BERT's layers, positions counted from the padding id, other heads.</summary>
internal sealed class RobertaFamily : EncoderFamily
{
    public override string ModelType => "roberta";

    protected override string MaskedModel => "RobertaForMaskedLM";

    protected override string Classifier => "RobertaForSequenceClassification";

    protected override TransformerSpec DescribeEncoder(ConfigReader config, IReadOnlyList<string>? labels)
    {
        var padding = config.Int("pad_token_id", 1, minimum: 0);
        var roberta = new BertNamedEncoder(config, "roberta", hidden => ReadHeads(config, "num_attention_heads", 12, hidden));
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
        Output = VocabularyOutput(
            config, "lm_head.decoder", roberta.Hidden, roberta.Vocabulary, roberta.TokenTable, "lm_head.bias", "lm_head.decoder.bias"),
    };

    private static HeadSpec ClassifierHead(BertNamedEncoder roberta, int labels) => new()
    {
        FirstTokenOnly = true,
        Dense = new("classifier.dense", roberta.Hidden, roberta.Hidden, true),
        DenseActivation = ActivationKind.Tanh,
        Output = new("classifier.out_proj", roberta.Hidden, labels, true),
    };
}
