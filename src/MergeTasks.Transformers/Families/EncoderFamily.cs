using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>A family of encoders, run as masked language models or sequence classifiers.</summary>
internal abstract class EncoderFamily : Family
{
    /// <summary>Name of the architecture with a masked-language head.</summary>
    protected abstract string MaskedModel { get; }

    /// <summary>Name of the architecture with a classifier.</summary>
    protected abstract string Classifier { get; }

    /// <inheritdoc/>
    public sealed override TransformerSpec Describe(ConfigReader config)
    {
        config = config.Naming(OtherNames);
        foreach (var decoderOnly in new[] { "is_decoder", "add_cross_attention" })
            if (config.Bool(decoderOnly, false))
                throw config.Unsupported(decoderOnly, "false");
        if (config.OptionalText("position_embedding_type") is not (null or "absolute"))
            throw config.Unsupported("position_embedding_type", "\"absolute\"");
        var architectures = config.OptionalTexts("architectures") ?? [];
        if (architectures.Contains(MaskedModel))
            return DescribeEncoder(config, null);
        if (architectures.Contains(Classifier))
        {
            config.Ignore("tie_word_embeddings");
            return DescribeEncoder(config, ReadLabels(config));
        }

        var given = architectures.Length == 0 ? "(absent)" : string.Join(", ", architectures);
        throw new ModelException(
            ModelError.UnknownFamily,
            $"'{config.Path}': the engine runs {ModelType} as {MaskedModel} or {Classifier}, not as {given}.",
            config.Path);
    }

    /// <summary>Describes the encoder.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="labels">The classifier's labels; null for the masked-language head.</param>
    protected abstract TransformerSpec DescribeEncoder(ConfigReader config, IReadOnlyList<string>? labels);

    /// <summary>One layer with a norm after each addition; the names are those of its modules.</summary>
    /// <param name="hidden">Channels.</param>
    /// <param name="inner">Inner channels of the feed-forward part.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="epsilon">Of both norms.</param>
    /// <param name="activation">Of the feed-forward part.</param>
    /// <param name="names">Query, key, value, output, attention norm, up, down, output norm.</param>
    internal static LayerSpec Layer(
        int hidden, int inner, int heads, double epsilon, ActivationKind activation, params ReadOnlySpan<string> names) => new()
        {
            Layout = ResidualLayout.NormAfterAddition,
            Attention = new AttentionSpec
            {
                Projections =
                [
                    new(names[0], hidden, hidden, true), new(names[1], hidden, hidden, true), new(names[2], hidden, hidden, true),
                ],
                Query = new(0, 0, hidden / heads),
                Key = new(1, 0, hidden / heads),
                Value = new(2, 0, hidden / heads),
                Output = new(names[3], hidden, hidden, true),
                Heads = heads,
                KeyValueHeads = heads,
                HeadSize = hidden / heads,
                Scale = 1 / Math.Sqrt(hidden / heads),
                Causal = false,
            },
            AttentionOutputNorm = NormSpec.Layer(names[4], hidden, epsilon),
            FeedForward = new MlpSpec(new(names[5], hidden, inner, true), new(names[6], inner, hidden, true), activation),
            FeedForwardOutputNorm = NormSpec.Layer(names[7], hidden, epsilon),
        };

    /// <summary>
    /// The output over the vocabulary, whose weight may be the token table. Where it is not, a checkpoint may hold a bias of the head and
    /// one of the output, of which the output's is used.
    /// </summary>
    protected static LinearSpec VocabularyOutput(
        ConfigReader config, string module, int hidden, int vocabulary, string tokenTable, string headBias)
    {
        var isTied = config.Bool("tie_word_embeddings", true);
        var own = module + ".bias";
        var output = new LinearSpec(module, hidden, vocabulary, Bias: true) { BiasNames = isTied ? [headBias, own] : [own, headBias] };
        return isTied ? output with { Weight = tokenTable } : output;
    }

    /// <summary>Reads a count that must divide the channels.</summary>
    protected static int ReadHeads(ConfigReader config, string key, int absent, int hidden)
    {
        var heads = config.Int(key, absent);
        return hidden % heads == 0 ? heads : throw config.Invalid(key, $"a divisor of the {hidden} channels");
    }

    private static string[] ReadLabels(ConfigReader config)
    {
        if (config.OptionalText("problem_type") is not (null or "single_label_classification"))
            throw config.Unsupported("problem_type", "\"single_label_classification\"");
        var names = config.OptionalPairs("id2label");
        var count = names?.Count ?? config.Int("num_labels", 2);
        if (count < 2)
            throw config.Unsupported(names is null ? "num_labels" : "id2label", "at least 2 labels");
        var labels = Enumerable.Range(0, count).Select(label => $"LABEL_{label}").ToArray();
        foreach (var (index, name) in names ?? [])
        {
            if (!int.TryParse(index, out var label) || label < 0 || label >= count)
                throw config.Invalid("id2label", $"an object with the keys \"0\" to \"{count - 1}\"");
            labels[label] = name;
        }

        return labels;
    }
}
