using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>What BERT and RoBERTa share: sizes, the layers and the names of their modules.</summary>
internal sealed class BertNamedEncoder
{
    private readonly string _inner;
    private readonly int _inside;
    private readonly int _layers;
    private readonly int _heads;

    /// <summary>Reads the configuration.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="inner">Name of the inner model.</param>
    /// <param name="heads">Heads.</param>
    public BertNamedEncoder(ConfigReader config, string inner, Func<int, int> heads)
    {
        _inner = inner;
        Hidden = config.Int("hidden_size", 768);
        Vocabulary = config.Int("vocab_size", inner == "bert" ? 30522 : 50265);
        Positions = config.Int("max_position_embeddings", 512);
        Types = config.Int("type_vocab_size", 2);
        Epsilon = config.Double("layer_norm_eps", 1e-12);
        Activation = config.Activation("hidden_act", "gelu");
        _inside = config.Int("intermediate_size", 3072);
        _layers = config.Int("num_hidden_layers", 12);
        _heads = heads(Hidden);
    }

    /// <summary>Channels.</summary>
    public int Hidden { get; }

    /// <summary>Rows of the token table.</summary>
    public int Vocabulary { get; }

    /// <summary>Rows of the position table.</summary>
    public int Positions { get; }

    /// <summary>Rows of the table of token types.</summary>
    public int Types { get; }

    /// <summary>Of every norm.</summary>
    public double Epsilon { get; }

    /// <summary>Of the layers.</summary>
    public ActivationKind Activation { get; }

    /// <summary>Name of the token table.</summary>
    public string TokenTable => $"{_inner}.embeddings.word_embeddings.weight";

    /// <summary>The model under the given head.</summary>
    /// <param name="task">What the head predicts.</param>
    /// <param name="head">The head.</param>
    /// <param name="labels">Its labels, for a classifier.</param>
    /// <param name="countedFrom">RoBERTa's position rule, see <see cref="PositionTableSpec"/>.</param>
    public TransformerSpec Describe(ModelTask task, HeadSpec head, IReadOnlyList<string>? labels, int? countedFrom = null)
    {
        var at = $"{_inner}.embeddings";
        return new TransformerSpec
        {
            Task = task,
            InnerPrefix = _inner + ".",
            MaximumPositions = countedFrom is { } padding ? Positions - padding - 1 : Positions,
            Labels = labels ?? [],
            Embedding = new EmbeddingSpec
            {
                Token = TokenTable,
                Vocabulary = Vocabulary,
                Width = Hidden,
                Positions = new($"{at}.position_embeddings.weight", Positions, countedFrom),
                Types = ($"{at}.token_type_embeddings.weight", Types),
                Norm = NormSpec.Layer($"{at}.LayerNorm", Hidden, Epsilon),
            },
            Layers = [.. Enumerable.Range(0, _layers).Select(layer => Layer($"{_inner}.encoder.layer.{layer}"))],
            Head = head,
        };
    }

    private LayerSpec Layer(string at) => EncoderFamily.Layer(
        Hidden,
        _inside,
        _heads,
        Epsilon,
        Activation,
        $"{at}.attention.self.query",
        $"{at}.attention.self.key",
        $"{at}.attention.self.value",
        $"{at}.attention.output.dense",
        $"{at}.attention.output.LayerNorm",
        $"{at}.intermediate.dense",
        $"{at}.output.dense",
        $"{at}.output.LayerNorm");
}
