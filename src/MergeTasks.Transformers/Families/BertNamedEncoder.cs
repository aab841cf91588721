using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>What BERT and its relatives share: sizes, the layers and the names of their modules.</summary>
internal sealed class BertNamedEncoder
{
    private readonly string _inner;
    private readonly int _inside;
    private readonly int _layers;
    private readonly int _heads;

    /// <summary>What is taken where a key is absent.</summary>
    /// <param name="Vocabulary">Rows of the token table.</param>
    /// <param name="Hidden">Channels.</param>
    /// <param name="Inner">Inner channels of the feed-forward parts.</param>
    /// <param name="Layers">Number of layers.</param>
    internal sealed record Defaults(int Vocabulary, int Hidden, int Inner, int Layers)
    {
        /// <summary>Of every norm.</summary>
        public double Epsilon { get; init; } = 1e-12;

        /// <summary>Token types.</summary>
        public int Types { get; init; } = 2;
    }

    /// <summary>Reads the configuration.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="inner">Name of the inner model.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="absent">What is taken where a key is absent.</param>
    public BertNamedEncoder(ConfigReader config, string inner, Func<int, int> heads, Defaults absent)
    {
        _inner = inner;
        Hidden = config.Int("hidden_size", absent.Hidden);
        Vocabulary = config.Int("vocab_size", absent.Vocabulary);
        Positions = config.Int("max_position_embeddings", 512);
        Types = config.Int("type_vocab_size", absent.Types, minimum: 0);
        Epsilon = config.Double("layer_norm_eps", absent.Epsilon);
        Activation = config.Activation("hidden_act", "gelu");
        _inside = config.Int("intermediate_size", absent.Inner);
        _layers = config.Int("num_hidden_layers", absent.Layers);
        _heads = heads(Hidden);
    }

    /// <summary>Whether there is a table of token types.</summary>
    public bool HasTypes { get; init; } = true;

    /// <summary>
    /// Names of a layer's modules: query, key, value, output, attention norm, up, down, output norm.
    /// </summary>
    public Func<string, string[]> LayerNames { get; init; } = at =>
    [
        $"{at}.attention.self.query",
        $"{at}.attention.self.key",
        $"{at}.attention.self.value",
        $"{at}.attention.output.dense",
        $"{at}.attention.output.LayerNorm",
        $"{at}.intermediate.dense",
        $"{at}.output.dense",
        $"{at}.output.LayerNorm",
    ];

    /// <summary>Channels.</summary>
    public int Hidden { get; }

    /// <summary>Heads.</summary>
    public int Heads => _heads;

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
                Types = HasTypes && Types > 0 ? ($"{at}.token_type_embeddings.weight", Types) : null,
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
        LayerNames(at));
}
