using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Families;

/// <summary>What differs between families whose layers are Llama's.</summary>
internal sealed record LlamaStyle(double Epsilon, ActivationKind Activation)
{
    /// <summary>Whether queries, keys and values have biases.</summary>
    public bool InputBias { get; init; }

    /// <summary>Whether the attention's output has one.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Whether the feed-forward part has some.</summary>
    public bool MlpBias { get; init; }

    /// <summary>Rotary positions; null: none.</summary>
    public RopeSpec? Rope { get; init; }

    /// <summary>How many tokens a token sees; null: all before it.</summary>
    public int? Window { get; init; }
}

/// <summary>The parts that families share, under the names that most of them use.</summary>
internal static class Parts
{
    /// <summary>Attention with separate query, key and value projections.</summary>
    /// <param name="at">Module name of the attention.</param>
    /// <param name="shape">Sizes.</param>
    /// <param name="inputBias">Whether queries, keys and values have biases.</param>
    /// <param name="outputBias">Whether the output projection has one.</param>
    /// <param name="output">Its name.</param>
    public static AttentionSpec SeparateAttention(string at, DecoderShape shape, bool inputBias, bool outputBias, string output = "o_proj")
    {
        var (query, key) = (shape.Heads * shape.HeadSize, shape.KeyValueHeads * shape.HeadSize);
        return new AttentionSpec
        {
            Projections =
            [
                new($"{at}.q_proj", shape.Hidden, query, inputBias),
                new($"{at}.k_proj", shape.Hidden, key, inputBias),
                new($"{at}.v_proj", shape.Hidden, key, inputBias),
            ],
            Query = new(0, 0, shape.HeadSize),
            Key = new(1, 0, shape.HeadSize),
            Value = new(2, 0, shape.HeadSize),
            Output = new($"{at}.{output}", query, shape.Hidden, outputBias),
            Heads = shape.Heads,
            KeyValueHeads = shape.KeyValueHeads,
            HeadSize = shape.HeadSize,
            Scale = 1 / Math.Sqrt(shape.HeadSize),
        };
    }

    /// <summary>Attention with one projection: all queries, then all keys, then all values.</summary>
    public static AttentionSpec FusedAttention(DecoderShape shape, LinearSpec projection, LinearSpec output) => new()
    {
        Projections = [projection],
        Query = new(0, 0, shape.HeadSize),
        Key = new(0, shape.Heads * shape.HeadSize, shape.HeadSize),
        Value = new(0, (shape.Heads + shape.KeyValueHeads) * shape.HeadSize, shape.HeadSize),
        Output = output,
        Heads = shape.Heads,
        KeyValueHeads = shape.KeyValueHeads,
        HeadSize = shape.HeadSize,
        Scale = 1 / Math.Sqrt(shape.HeadSize),
    };

    /// <summary>The attention with norms on each head's queries and keys.</summary>
    public static AttentionSpec WithHeadNorms(
        this AttentionSpec attention, string at, double epsilon, string query = "q_norm", string key = "k_norm") => attention with
        {
            QueryNorm = new(NormSpec.Rms($"{at}.{query}", attention.HeadSize, epsilon), HeadNormScope.EachHead),
            KeyNorm = new(NormSpec.Rms($"{at}.{key}", attention.HeadSize, epsilon), HeadNormScope.EachHead),
        };

    /// <summary>The attention with norms over all heads' queries and over all heads' keys.</summary>
    public static AttentionSpec WithWholeNorms(this AttentionSpec attention, string at, double epsilon) => attention with
    {
        QueryNorm = new(NormSpec.Rms($"{at}.q_norm", attention.Heads * attention.HeadSize, epsilon), HeadNormScope.AllHeads),
        KeyNorm = new(NormSpec.Rms($"{at}.k_norm", attention.KeyValueHeads * attention.HeadSize, epsilon), HeadNormScope.AllHeads),
    };

    /// <summary>Llama's layer: two root-mean-square norms, separate projections, a gated feed-forward part.</summary>
    /// <param name="at">Module name of the layer.</param>
    /// <param name="shape">Sizes.</param>
    /// <param name="style">What differs between families.</param>
    public static LayerSpec LlamaLayer(string at, DecoderShape shape, LlamaStyle style) => new()
    {
        AttentionNorm = NormSpec.Rms($"{at}.input_layernorm", shape.Hidden, style.Epsilon),
        Attention = SeparateAttention($"{at}.self_attn", shape, style.InputBias, style.OutputBias) with
        {
            Rope = style.Rope,
            Window = style.Window
        },
        FeedForwardNorm = NormSpec.Rms($"{at}.post_attention_layernorm", shape.Hidden, style.Epsilon),
        FeedForward = GatedMlp($"{at}.mlp", shape, style.Activation, style.MlpBias),
    };

    /// <summary>Another attention in a layer.</summary>
    public static LayerSpec Attending(this LayerSpec layer, Func<AttentionSpec, AttentionSpec> change) =>
        layer with { Attention = change((AttentionSpec)layer.Attention) };

    /// <summary>A feed-forward part whose first matrix holds the gate, then the rest.</summary>
    public static MlpSpec FusedMlp(string up, string down, int hidden, int inner, ActivationKind activation) => new(
        new(up, hidden, 2 * inner), new(down, inner, hidden), activation)
    {
        GateInUp = GatePlace.FirstHalf,
    };

    /// <summary>A gated feed-forward part: <c>gate_proj</c>, <c>up_proj</c>, <c>down_proj</c>.</summary>
    public static MlpSpec GatedMlp(string at, DecoderShape shape, ActivationKind activation, bool bias = false) =>
        GatedMlp(at, shape.Hidden, shape.Intermediate, activation, bias);

    /// <inheritdoc cref="GatedMlp(string, DecoderShape, ActivationKind, bool)"/>
    public static MlpSpec GatedMlp(string at, int hidden, int inner, ActivationKind activation, bool bias = false) => new(
        new($"{at}.up_proj", hidden, inner, bias), new($"{at}.down_proj", inner, hidden, bias), activation)
    {
        Gate = new($"{at}.gate_proj", hidden, inner, bias),
    };

    /// <summary>A decoder language model from its layers.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="inner">Name of the inner model.</param>
    /// <param name="token">Name of the token table, inside the inner model.</param>
    /// <param name="layers">Name of the list of layers, inside the inner model.</param>
    /// <param name="head">Name of the output.</param>
    /// <param name="tied">Whether the output's weight is the token table.</param>
    /// <param name="layer">Describes a layer from its module name and number.</param>
    /// <param name="norm">The norm after the last layer.</param>
    public static TransformerSpec Decoder(
        DecoderShape shape,
        string inner,
        string token,
        string layers,
        string head,
        bool tied,
        Func<string, int, LayerSpec> layer,
        NormSpec norm)
    {
        var table = $"{inner}.{token}.weight";
        var output = new LinearSpec(head, shape.Hidden, shape.Vocabulary);
        return new TransformerSpec
        {
            Task = ModelTask.CausalLanguageModel,
            InnerPrefix = inner + ".",
            MaximumPositions = shape.MaximumPositions,
            Embedding = new EmbeddingSpec { Token = table, Vocabulary = shape.Vocabulary, Width = shape.Hidden },
            Layers = [.. Enumerable.Range(0, shape.Layers).Select(i => layer($"{inner}.{layers}.{i}", i))],
            Head = new HeadSpec { Norm = norm, Output = tied ? output with { Weight = table } : output },
        };
    }

    /// <summary>A decoder under the names of Llama.</summary>
    public static TransformerSpec LlamaNamedDecoder(DecoderShape shape, bool tied, Func<string, int, LayerSpec> layer, NormSpec norm) =>
        Decoder(shape, "model", "embed_tokens", "layers", "lm_head", tied, layer, norm);
}
