using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>The vectors of each token for each layer, as Gemma 3n and Gemma 4 name and configure them.</summary>
/// <param name="Table">Where they come from.</param>
/// <param name="Hidden">Channels of the residual stream.</param>
/// <param name="Epsilon">Of norms.</param>
internal sealed record GemmaLayerVectors(LayerTableSpec Table, int Hidden, double Epsilon)
{
    /// <summary>Reads the settings; null where there are no such vectors.</summary>
    public static GemmaLayerVectors? Read(ConfigReader config, DecoderShape shape, double epsilon)
    {
        var channels = config.Int("hidden_size_per_layer_input", 256, minimum: 0);
        var rows = config.Int("vocab_size_per_layer_input", 262144);
        return channels == 0 ? null : new(
            new LayerTableSpec(
                "model.embed_tokens_per_layer.weight",
                rows,
                shape.Layers,
                channels,
                new("model.per_layer_model_projection", shape.Hidden, shape.Layers * channels),
                NormSpec.Rms("model.per_layer_projection_norm", channels, epsilon)),
            shape.Hidden,
            epsilon);
    }

    /// <summary>What a layer adds of them.</summary>
    public LayerInputSpec Of(string at, int index, ActivationKind activation) => new(
        new($"{at}.per_layer_input_gate", Hidden, Table.Channels),
        new($"{at}.per_layer_projection", Table.Channels, Hidden),
        NormSpec.Rms($"{at}.post_per_layer_input_norm", Hidden, Epsilon),
        activation,
        index);

    /// <summary>The kind of each layer.</summary>
    public static string[] Kinds(int layers, Func<int, bool> slides) =>
        [.. Enumerable.Range(0, layers).Select(layer => slides(layer) ? "sliding_attention" : "full_attention")];
}
