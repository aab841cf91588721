using System.Text.Json;

namespace MergeTasks.Merging.Planning.Adapters;

/// <summary>Writes <c>adapter_config.json</c> as PEFT reads it, for adapters whose scale is 1 everywhere (alpha equals rank).</summary>
internal static class AdapterConfigText
{
    /// <summary>The file's bytes.</summary>
    /// <param name="ranks">The rank of each module.</param>
    /// <param name="wholeModules">Modules with whole parameters.</param>
    /// <param name="hasBiases">Whether biases of the modules are among the parameters.</param>
    /// <param name="isTransposed">Whether the base stores its weights as [in, out].</param>
    /// <param name="baseModel">What the adapter adapts, if known.</param>
    /// <param name="keepsTies">Whether embeddings and head of a tied model have the same change.</param>
    /// <param name="task">What the model is for, as PEFT names it, if known.</param>
    /// <param name="mapping">The base's class and the Python module that has it, if known.</param>
    public static byte[] Of(
        IReadOnlyDictionary<string, int> ranks,
        IReadOnlyCollection<string> wholeModules,
        bool hasBiases,
        bool isTransposed,
        string? baseModel,
        bool keepsTies,
        string? task,
        (string Class, string Library)? mapping)
    {
        var usual = ranks.Values
            .GroupBy(rank => rank)
            .OrderByDescending(group => group.Count())
            .ThenBy(group => group.Key)
            .Select(group => group.Key)
            .FirstOrDefault(1);
        var unusual = ranks.Where(pair => pair.Value != usual).OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => (Pattern: System.Text.RegularExpressions.Regex.Escape(pair.Key), Rank: pair.Value)).ToList();
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("peft_type", "LORA");
            json.WriteString("base_model_name_or_path", baseModel);
            json.WriteString("bias", hasBiases ? "all" : "none");
            if (keepsTies)
                json.WriteBoolean("ensure_weight_tying", true);
            json.WriteBoolean("fan_in_fan_out", isTransposed);
            json.WriteBoolean("inference_mode", true);
            json.WriteBoolean("init_lora_weights", true);
            json.WriteNumber("r", usual);
            json.WriteNumber("lora_alpha", usual);
            json.WriteNumber("lora_dropout", 0);
            WritePattern(json, "rank_pattern", unusual);
            WritePattern(json, "alpha_pattern", unusual);
            WriteList(json, "target_modules", ranks.Keys);
            if (wholeModules.Count > 0)
                WriteList(json, "modules_to_save", wholeModules);
            json.WriteString("task_type", task);
            json.WriteStartObject("auto_mapping");
            if (mapping is var (type, library))
            {
                json.WriteString("base_model_class", type);
                json.WriteString("parent_library", library);
            }

            json.WriteEndObject();
            json.WriteBoolean("use_dora", false);
            json.WriteBoolean("use_rslora", false);
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    private static void WritePattern(Utf8JsonWriter json, string name, IEnumerable<(string Pattern, int Rank)> entries)
    {
        json.WriteStartObject(name);
        foreach (var (pattern, rank) in entries)
            json.WriteNumber(pattern, rank);
        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values.Order(StringComparer.Ordinal))
            json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
