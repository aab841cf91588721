using System.Globalization;
using System.Text;
using System.Text.Json;
using MergeTasks.Files.Json;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>
/// Compares what two models say of themselves. Spellings of the same setting are one, what a configuration leaves out has the value that
/// libraries take for it (and is not compared where that is not known), and a key that nobody here knows counts as one that decides the
/// function.
/// </summary>
internal static class ConfigComparison
{
    private static readonly string[] TextSections = ["text_config", "llm_config", "language_config"];

    // The first spelling that a configuration has counts.
    private static readonly (string Setting, string[] Spellings)[] Aliases =
    [
        ("num_attention_heads", ["num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"]),
        ("num_key_value_heads", ["num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"]),
        ("hidden_act",
            ["hidden_activation", "hidden_act", "activation_function", "activation", "afn", "dense_act_fn", "feed_forward_proj"]),
        ("rms_norm_eps", ["rms_norm_eps", "layer_norm_epsilon", "layer_norm_eps", "norm_eps", "norm_epsilon", "layernorm_epsilon"]),
        ("sliding_window", ["sliding_window", "attention_window", "window_size"]),
    ];

    // What is taken for a setting that is not there.
    private static readonly Dictionary<string, string> Defaults = new(StringComparer.Ordinal)
    {
        ["rope_theta"] = "10000",
        ["rope_type"] = "\"default\"",
        ["attention_bias"] = "false",
        ["scale_attn_weights"] = "true",
        ["position_embedding_type"] = "\"absolute\"",
        ["is_encoder_decoder"] = "false",
    };

    // Sizes show in the shapes of tensors, counts of layers in their names, and vocabularies are compared by their tokens.
    private static readonly HashSet<string> Elsewhere = new(StringComparer.Ordinal)
    {
        "vocab_size",
        "padded_vocab_size",
        "n_vocab",
        "hidden_size",
        "n_embd",
        "d_model",
        "dim",
        "intermediate_size",
        "n_inner",
        "ffn_dim",
        "d_ff",
        "hidden_dim",
        "ffn_hidden_size",
        "num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers", "encoder_layers", "decoder_layers",
        "num_local_experts", "num_experts", "n_routed_experts",
        "moe_intermediate_size", "shared_expert_intermediate_size", "tie_word_embeddings", "quantization_config", "compression_config",
        "num_labels", "id2label", "label2id",
        "layer_types", "head_dim", "type_vocab_size", "max_window_layers", "embedding_size", "q_lora_rank", "kv_lora_rank",
        "num_nextn_predict_layers",
    };

    // Of no effect on what weights compute: limits, storage, training, how texts are generated, who wrote the file.
    private static readonly HashSet<string> Harmless = new(StringComparer.Ordinal)
    {
        "torch_dtype",
        "dtype",
        "architectures",
        "auto_map",
        "transformers_version",
        "use_cache",
        "max_position_embeddings",
        "n_positions",
        "n_ctx",
        "max_seq_len",
        "max_sequence_length",
        "model_max_length", "seq_length", "max_length", "min_length", "pretraining_tp", "return_dict", "torchscript", "tf_legacy_loss",
        "use_bfloat16", "gradient_checkpointing", "finetuning_task",
        "task_specific_params", "problem_type", "tokenizer_class", "prefix", "chunk_size_feed_forward", "keys_to_ignore_at_inference",
        "do_sample", "temperature", "top_k", "top_p", "typical_p",
        "num_beams", "num_beam_groups", "num_return_sequences", "repetition_penalty", "length_penalty", "diversity_penalty",
        "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids",
        "early_stopping", "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens",
        "cross_attention_hidden_size", "add_cross_attention",
        "is_decoder", "use_flash_attn", "attn_implementation", "name_or_path", "license", "unsloth_version", "unsloth_fixed",
        "model_name", "zero_init", "cache_implementation", "router_jitter_noise",
        "tie_encoder_decoder", "use_return_dict", "pruned_heads", "summary_type", "ep_size", "save_step", "training_args",
    };

    private static readonly string[] HarmlessParts = [
        "dropout",
        "pdrop",
        "initializer",
        "init_std",
        "init_method",
        "loss",
        "output_attentions",
        "output_hidden_states",
        "output_router",
        "output_scores",
        "token_id",
        "aux_"
    ];

    // Of rotary embeddings, by all their spellings.
    private static readonly Dictionary<string, string> RopeSpellings = new(StringComparer.Ordinal)
    {
        ["rope_theta"] = "rope_theta",
        ["rotary_emb_base"] = "rope_theta",
        ["rope_base"] = "rope_theta",
        ["partial_rotary_factor"] = "partial_rotary_factor",
        ["rotary_pct"] = "partial_rotary_factor",
        ["rope_pct"] = "partial_rotary_factor",
    };

    /// <summary>The differences, in ordinal order of keys.</summary>
    public static IReadOnlyList<ConfigDifference> Compare(ModelConfig first, ModelConfig second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var (one, other) = (Settings(first), Settings(second));
        var differences = new List<ConfigDifference>();
        foreach (var key in one.Keys
            .Union(other.Keys)
            .Where(key => !key.EndsWith("use_sliding_window", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal))
        {
            var (a, b) = (one.GetValueOrDefault(key), other.GetValueOrDefault(key));
            var (left, right) = (ValueOf(a, key, one), ValueOf(b, key, other));
            if (IsSame(left, right))
                continue;

            // What one of them does not mention, and has no known default, older libraries did not write.
            if (left is not null && right is not null)
                differences.Add(new ConfigDifference((a ?? b)!.Spelling, Shown(left), Shown(right), EffectOf(key)));
        }

        if (LabelsDiffer(first, second) is { } labels)
            differences.Add(labels);
        return differences;
    }

    private static ConfigEffect EffectOf(string key)
    {
        var name = key[(key.LastIndexOf('.') + 1)..];
        return name is "num_attention_heads" or "num_key_value_heads" ? ConfigEffect.Meaning
            : Harmless.Contains(name)
                || name.StartsWith('_')
                || HarmlessParts.Any(part => name.Contains(part, StringComparison.Ordinal)) ? ConfigEffect.None
            : ConfigEffect.Function;
    }

    private static Dictionary<string, Entry> Settings(ModelConfig config)
    {
        using var json = StrictJson.Parse(config.Text, ModelConfig.FileName);
        var settings = new Dictionary<string, Entry>(StringComparer.Ordinal);
        var root = json.RootElement;
        Add(settings, root, "");
        foreach (var section in root.EnumerateObject().Where(member => member.Value.ValueKind == JsonValueKind.Object))
        {
            // The language model's own section says the same as the top level of a language model alone.
            if (TextSections.Contains(section.Name))
                Add(settings, section.Value, "");
            else if (section.Name.EndsWith("_config", StringComparison.Ordinal) || section.Name is "encoder" or "decoder" or "visual")
                Add(settings, section.Value, section.Name + ".");
        }

        return settings;
    }

    private static void Add(Dictionary<string, Entry> settings, JsonElement owner, string prefix)
    {
        var isLocal = owner.TryGetProperty("rope_local_base_freq", out _);
        var suffix = isLocal ? " (full_attention)" : "";
        foreach (var member in owner.EnumerateObject().Where(member => !Elsewhere.Contains(member.Name)))
        {
            if (member.Name is "rope_scaling" or "rope_parameters")
                AddRope(settings, member.Value, prefix, suffix);
            else if (RopeSpellings.TryGetValue(member.Name, out var rope))
                Put(rope + suffix, member);
            else if (Array.Find(Aliases, alias => alias.Spellings.Contains(member.Name)) is { Setting: not null } alias)
                PutAlias(alias, member);
            else if (member.Name == "rope_local_base_freq")
                Put("rope_theta (sliding_attention)", member);
            else if (member.Value.ValueKind != JsonValueKind.Object)
                Put(member.Name, member);
        }

        if (Number(owner, "num_attention_heads", "n_head", "num_heads", "n_heads") is { } heads
            && !settings.ContainsKey(prefix + "num_key_value_heads"))
            settings[prefix + "num_key_value_heads"] = new Entry("num_key_value_heads", heads.ToString(CultureInfo.InvariantCulture));

        void Put(string key, JsonProperty member) => settings[prefix + key] = new Entry(prefix + member.Name, member.Value.GetRawText());

        void PutAlias((string Setting, string[] Spellings) alias, JsonProperty member)
        {
            var better = alias.Spellings
                .TakeWhile(spelling => spelling != member.Name)
                .Any(spelling => owner.TryGetProperty(spelling, out var value) && value.ValueKind != JsonValueKind.Null);
            if (!better)
                Put(alias.Setting, member);
        }
    }

    // One set of numbers, or one for each kind of layer.
    private static void AddRope(Dictionary<string, Entry> settings, JsonElement rope, string prefix, string suffix)
    {
        if (rope.ValueKind != JsonValueKind.Object)
            return;
        foreach (var member in rope.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.Object)
            {
                AddRope(settings, member.Value, prefix, $" ({member.Name})");
                continue;
            }

            var key = member.Name == "type" ? "rope_type" : member.Name;
            var value = key == "rope_type" && member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString() switch
            {
                "su" => "\"longrope\"",
                "mrope" => "\"default\"",
                _ => member.Value.GetRawText(),
            } : member.Value.GetRawText();
            var isMain = RopeSpellings.ContainsKey(key) || key == "rope_type";
            settings[prefix + (isMain ? key : "rope_scaling:" + key) + suffix] = new Entry(
                isMain ? member.Name : "rope_scaling." + member.Name, value);
        }
    }

    private static string? ValueOf(Entry? entry, string key, Dictionary<string, Entry> all)
    {
        // A window that is switched off is none.
        if (key == "sliding_window" && all.GetValueOrDefault("use_sliding_window")?.Value == "false")
            return "null";
        if (entry is not null && (entry.Value != "null" || key == "sliding_window"))
            return entry.Value;
        return key.Contains("rope_scaling:", StringComparison.Ordinal)
            ? "null"
            : Defaults.GetValueOrDefault(key[(key.LastIndexOf('.') + 1)..].Split(" (")[0]);
    }

    private static bool IsSame(string? left, string? right)
    {
        if (left == right)
            return true;
        if (left is null || right is null)
            return false;
        if (double.TryParse(left, NumberStyles.Float, CultureInfo.InvariantCulture, out var a)
            && double.TryParse(right, NumberStyles.Float, CultureInfo.InvariantCulture, out var b))
            return a.Equals(b);
        if (left[0] is not ('[' or '"') || right[0] != left[0])
            return false;
        using var one = StrictJson.Parse(Encoding.UTF8.GetBytes(left), ModelConfig.FileName);
        using var other = StrictJson.Parse(Encoding.UTF8.GetBytes(right), ModelConfig.FileName);
        return JsonElement.DeepEquals(one.RootElement, other.RootElement);
    }

    private static string Shown(string? value) => value is null or "null" ? "nothing" : Files.MessageText.Shown(value, 60);

    private static long? Number(JsonElement owner, params string[] keys) =>
        keys.Select(key =>
            owner.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)
                ? (long?)number
                : null).FirstOrDefault(number => number is not null);

    // Rows of a classifier's head are its labels; names that a library made up say nothing.
    private static ConfigDifference? LabelsDiffer(ModelConfig first, ModelConfig second)
    {
        var (one, other) = (Labels(first), Labels(second));
        foreach (var (id, label) in one)
        {
            if (other.TryGetValue(id, out var own) && own != label && !IsMadeUp(label) && !IsMadeUp(own))
                return new ConfigDifference("id2label", Shown(List(one)), Shown(List(other)), ConfigEffect.Meaning);
        }

        return null;

        static string List(SortedDictionary<int, string> labels) => string.Join(", ", labels.Values);
        static bool IsMadeUp(string label) => label.StartsWith("LABEL_", StringComparison.Ordinal);
    }

    private static SortedDictionary<int, string> Labels(ModelConfig config)
    {
        using var json = StrictJson.Parse(config.Text, ModelConfig.FileName);
        var labels = new SortedDictionary<int, string>();
        if (!json.RootElement.TryGetProperty("id2label", out var map) || map.ValueKind != JsonValueKind.Object)
            return labels;
        foreach (var entry in map.EnumerateObject())
        {
            if (int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && entry.Value.ValueKind == JsonValueKind.String)
                labels[id] = entry.Value.GetString()!;
        }

        return labels;
    }

    private sealed record Entry(string Spelling, string Value);
}
