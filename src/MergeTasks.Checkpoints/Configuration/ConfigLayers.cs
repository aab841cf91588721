using System.Globalization;
using System.Text.Json;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>The stack of layers that a key of <c>config.json</c> counts.</summary>
internal enum LayerStackKind
{
    /// <summary>The stack of the language model, or the only one.</summary>
    Main,

    /// <summary>The encoder of an encoder–decoder model.</summary>
    Encoder,

    /// <summary>The decoder of an encoder–decoder model.</summary>
    Decoder,

    /// <summary>The encoder of images.</summary>
    Vision,

    /// <summary>The encoder of sound.</summary>
    Audio,
}

/// <summary>
/// Rewrites what a <c>config.json</c> says about a stack of layers after layers were added, removed or put in another order: the count,
/// arrays with one entry per layer, lists of layer numbers, and numbers of leading layers.
/// </summary>
internal static class ConfigLayers
{
    private static readonly string[] TextSections = ["text_config", "llm_config", "language_config"];

    private static readonly Dictionary<LayerStackKind, string[]> Sections = new()
    {
        [LayerStackKind.Main] = ["", .. TextSections],
        [LayerStackKind.Encoder] = ["", "encoder"],
        [LayerStackKind.Decoder] = ["", "decoder"],
        [LayerStackKind.Vision] = ["vision_config", "visual"],
        [LayerStackKind.Audio] = ["audio_config"],
    };

    private static readonly Dictionary<LayerStackKind, string[]> CountKeys = new()
    {
        [LayerStackKind.Main] = ["num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers"],
        [LayerStackKind.Encoder] = ["encoder_layers", "num_encoder_layers", "num_layers", "num_hidden_layers"],
        [LayerStackKind.Decoder] = ["decoder_layers", "num_decoder_layers"],
        [LayerStackKind.Vision] = ["num_hidden_layers", "depth", "num_layers"],
        [LayerStackKind.Audio] = ["num_hidden_layers", "encoder_layers", "num_layers"],
    };

    // Lists of numbers of layers that are special: attention among state-space layers, cross-attention, dense among expert layers.
    private static readonly HashSet<string> IndexLists = new(StringComparer.Ordinal)
    {
        "attn_layer_indices",
        "attention_layers_idx",
        "full_attn_idxs",
        "cross_attention_layers",
        "mlp_only_layers",
        "global_attention_layers",
        "fullatt_block_indexes",
    };

    // How many layers from the first on are special.
    private static readonly HashSet<string> LeadingCounts = new(
        StringComparer.Ordinal) { "max_window_layers", "first_k_dense_replace", "num_dense_layers" };

    // Arrays of one entry per layer whose names do not tell it. Any other array counts as such if its name speaks of layers, blocks or a
    // pattern.
    private static readonly HashSet<string> PerLayer = new(StringComparer.Ordinal)
    {
        "num_key_value_heads",
        "num_attention_heads",
        "num_query_heads",
        "num_kv_heads",
        "intermediate_size",
        "ffn_multipliers",
        "qkv_multipliers",
        "sliding_window", "attention_types", "rope_theta",
    };

    /// <summary>
    /// The number of layers of the language model's stack, where a known key gives it at the top level or in the section of the language
    /// model.
    /// </summary>
    internal static int? MainCount(JsonElement root)
    {
        foreach (var section in Sections[LayerStackKind.Main].Select(name =>
            name.Length == 0 ? root : root.TryGetProperty(name, out var found) ? found : default))
        {
            foreach (var key in CountKeys[LayerStackKind.Main])
            {
                if (section.ValueKind == JsonValueKind.Object && section.TryGetProperty(key, out var value)
                    && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count > 0)
                {
                    return count;
                }
            }
        }

        return null;
    }

    /// <summary>Whether a configuration has a key that counts a stack's layers.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="kind">The stack.</param>
    /// <param name="count">Its layers.</param>
    public static bool Counts(ModelConfig config, LayerStackKind kind, int count)
    {
        ArgumentNullException.ThrowIfNull(config);
        return Values(config.Text).Any(value => IsCount(value, kind, count));
    }

    /// <summary>Returns the text as it describes the new stack.</summary>
    /// <param name="config">The configuration that the output starts from.</param>
    /// <param name="kind">The stack.</param>
    /// <param name="count">Its layers in <paramref name="config"/>.</param>
    /// <param name="layers">Where each layer of the new stack comes from.</param>
    internal static byte[] Restack(byte[] config, LayerStackKind kind, int count, IReadOnlyList<LayerOrigin> layers)
    {
        var edits = new Dictionary<JsonMemberName, string>();
        var values = Values(config);
        var sections = values.Where(value => IsCount(value, kind, count))
            .Select(value => value.Name.Section)
            .ToHashSet(StringComparer.Ordinal);
        var origins = layers.Select(layer => layer.Config.Text)
            .Distinct()
            .ToDictionary(text => text, text => Values(text).ToDictionary(value => value.Name));
        foreach (var value in values.Where(value => sections.Contains(value.Name.Section)))
        {
            if (IsCount(value, kind, count))
                edits[value.Name] = layers.Count.ToString(CultureInfo.InvariantCulture);
            else if (value.Json.ValueKind == JsonValueKind.Array
                && IndexLists.Contains(value.Name.Key)
                && Numbers(value.Json) is { } indices)
                edits[value.Name] = Json(
                    Enumerable.Range(0, layers.Count)
                        .Where(i => OwnNumbers(value, layers[i]).Contains(layers[i].Layer))
                        .Select(i => i.ToString(CultureInfo.InvariantCulture)));
            else if (value.Json.ValueKind == JsonValueKind.Array && value.Json.GetArrayLength() == count && IsPerLayer(value.Name.Key))
                edits[value.Name] = Json(layers.Select(layer => Entry(value, layer)));
            else if (LeadingCounts.Contains(value.Name.Key) && value.Json.TryGetInt32Safely() is { } leading)
                edits[value.Name] = layers.Count(layer => layer.Layer < leading).ToString(CultureInfo.InvariantCulture);
        }

        return JsonSplice.Replace(config, ModelConfig.FileName, edits);

        // The entry of the layer in its own model's configuration, else in the one that the output starts from.
        string Entry(ConfigValue value, LayerOrigin layer)
        {
            var own = origins[layer.Config.Text].GetValueOrDefault(value.Name);
            var array = own is { Json.ValueKind: JsonValueKind.Array } && layer.Layer < own.Json.GetArrayLength() ? own.Json : value.Json;
            return array[Math.Min(layer.Layer, array.GetArrayLength() - 1)].GetRawText();
        }

        IReadOnlyList<int> OwnNumbers(ConfigValue value, LayerOrigin layer) =>
            origins[layer.Config.Text].GetValueOrDefault(value.Name) is { Json.ValueKind: JsonValueKind.Array } own
                && Numbers(own.Json) is { } numbers ? numbers : Numbers(value.Json)!;
    }

    /// <summary>
    /// Names of numbers that promise a repeating pattern, which a new order of layers breaks: position i no longer holds what a layer i
    /// modulo the number held.
    /// </summary>
    /// <param name="config">The configuration that the output starts from.</param>
    /// <param name="layers">Where each layer of the new stack comes from.</param>
    public static IReadOnlyList<string> BrokenPatterns(ModelConfig config, IReadOnlyList<LayerOrigin> layers)
    {
        ArgumentNullException.ThrowIfNull(config);
        string[] periods = [
            "sliding_window_pattern",
            "no_rope_layer_interval",
            "decoder_sparse_step",
            "moe_layer_freq",
            "interleave_moe_layer_step",
            "attn_layer_period",
            "expert_layer_period",
            "full_attention_interval"
        ];
        var values = Values(config.Text);

        // Where types are listed layer by layer, the list decides and the number is a remnant.
        var isListed = values.Any(value => value.Name.Key == "layer_types");
        return [.. values
            .Where(value =>
                periods.Contains(value.Name.Key)
                    && !isListed
                    && value.Json.TryGetInt32Safely() is > 1 and var period
                    && layers.Select((layer, i) => layer.Layer % period != i % period).Any(differs => differs))
            .Select(value => value.Name.ToString())];
    }

    private static bool IsCount(ConfigValue value, LayerStackKind kind, int count) =>
        Sections[kind].Contains(value.Name.Section) && CountKeys[kind].Contains(value.Name.Key) && value.Json.TryGetInt32Safely() == count;

    private static bool IsPerLayer(string key) =>
        PerLayer.Contains(key)
            || key.Contains("layer", StringComparison.Ordinal)
            || key.Contains("block", StringComparison.Ordinal)
            || key.Contains("pattern", StringComparison.Ordinal);

    private static List<int>? Numbers(JsonElement array)
    {
        var numbers = array.EnumerateArray().Select(item => item.TryGetInt32Safely()).ToList();
        return numbers.Contains(null) ? null : numbers.ConvertAll(number => number!.Value);
    }

    private static string Json(IEnumerable<string> items) => $"[{string.Join(", ", items)}]";

    private static List<ConfigValue> Values(byte[] config) =>
        [
            .. JsonSplice.Members(config, ModelConfig.FileName)
                .Select(member => new ConfigValue(member.Name, JsonSplice.ValueOf(config, ModelConfig.FileName, member)))
        ];

    private static int? TryGetInt32Safely(this JsonElement json) =>
        json.ValueKind == JsonValueKind.Number && json.TryGetInt32(out var number) ? number : null;

    private sealed record ConfigValue(JsonMemberName Name, JsonElement Json);
}
