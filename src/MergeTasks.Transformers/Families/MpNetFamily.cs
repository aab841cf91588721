using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>
/// MPNet (arXiv 2004.09297): BERT's layers with a learned number per head and distance, which all layers share, added to scores.
/// </summary>
internal sealed class MpNetFamily : EncoderFamily
{
    // Whatever the keys relative_attention_num_buckets and pad_token_id say.
    private const int Classes = 32;
    private const int Padding = 1;

    public override string ModelType => "mpnet";

    protected override string MaskedModel => "MPNetForMaskedLM";

    protected override string Classifier => "MPNetForSequenceClassification";

    protected override TransformerSpec DescribeEncoder(ConfigReader config, IReadOnlyList<string>? labels)
    {
        config.Ignore("relative_attention_num_buckets", "pad_token_id");
        var mpnet = new BertNamedEncoder(
            config, "mpnet", hidden => ReadHeads(config, "num_attention_heads", 12, hidden), new(30527, 768, 3072, 12))
        {
            HasTypes = false,
            LayerNames = at =>
            [
                $"{at}.attention.attn.q",
                $"{at}.attention.attn.k",
                $"{at}.attention.attn.v",
                $"{at}.attention.attn.o",
                $"{at}.attention.LayerNorm",
                $"{at}.intermediate.dense",
                $"{at}.output.dense",
                $"{at}.output.LayerNorm",
            ],
        };
        var task = labels is null ? ModelTask.MaskedLanguageModel : ModelTask.SequenceClassification;
        var model = mpnet.Describe(task, labels is null ? MaskedHead(config, mpnet) : ClassifierHead(mpnet, labels.Count), labels, Padding);
        var bias = new DistanceTableSpec("mpnet.encoder.relative_attention_bias.weight", Classes, 128);
        return model with { Layers = [.. model.Layers.Select(layer => layer.Attending(attention => attention with { Bias = bias }))] };
    }

    private static HeadSpec MaskedHead(ConfigReader config, BertNamedEncoder mpnet) => new()
    {
        Dense = new("lm_head.dense", mpnet.Hidden, mpnet.Hidden, true),
        DenseActivation = ActivationKind.Gelu,
        DenseNorm = NormSpec.Layer("lm_head.layer_norm", mpnet.Hidden, mpnet.Epsilon),
        Output = VocabularyOutput(config, "lm_head.decoder", mpnet.Hidden, mpnet.Vocabulary, mpnet.TokenTable, "lm_head.bias"),
    };

    private static HeadSpec ClassifierHead(BertNamedEncoder mpnet, int labels) => new()
    {
        FirstTokenOnly = true,
        Dense = new("classifier.dense", mpnet.Hidden, mpnet.Hidden, true),
        DenseActivation = ActivationKind.Tanh,
        Output = new("classifier.out_proj", mpnet.Hidden, labels, true),
    };
}
