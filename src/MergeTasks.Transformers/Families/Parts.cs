using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Families;

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

    /// <summary>A gated feed-forward part: <c>gate_proj</c>, <c>up_proj</c>, <c>down_proj</c>.</summary>
    public static MlpSpec GatedMlp(string at, DecoderShape shape, ActivationKind activation, bool bias = false) => new(
        new($"{at}.up_proj", shape.Hidden, shape.Intermediate, bias), new($"{at}.down_proj", shape.Intermediate, shape.Hidden, bias), activation)
    {
        Gate = new($"{at}.gate_proj", shape.Hidden, shape.Intermediate, bias),
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
        DecoderShape shape, string inner, string token, string layers, string head, bool tied, Func<string, int, LayerSpec> layer, NormSpec norm)
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
