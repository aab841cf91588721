using System.Text.Json.Nodes;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Families;
using MergeTasks.Transformers.Tests.Golden;

namespace MergeTasks.Transformers.Tests.Families;

/// <summary>
/// Each key of each reference model, given other values of its kind: what is computed changes, or the values are refused, or the key
/// stands on a list that says why it changes nothing. <see cref="UnreadKeyTests"/> cannot see a key that is asked for and then forgotten.
/// </summary>
public class ChangedKeyTests
{
    private static readonly string[] Texts = ["relu", "silu", "default", "full_attention", "sparse", "something"];

    /// <summary>Keys that the reference reads and then has no use for, in all families or in one.</summary>
    private static readonly HashSet<string> WithoutEffect = new(StringComparer.Ordinal)
    {
        // Parts beside the language model, and the tokens that stand for them.
        "audio_config", "vision_config", "audio_token_id", "boa_token_id", "boi_token_id", "boi_token_index", "eoa_token_index",
        "eoi_token_id", "eoi_token_index", "image_token_id", "image_token_index", "video_token_id", "vision_start_token_id",
        "vision_end_token_id", "mm_tokens_per_image", "multimodal_projector_bias", "projector_hidden_act", "spatial_merge_size",
        "vision_feature_layer", "mrope_section", "mrope_interleaved",
        // Training only, and other ways to the same numbers.
        "mixtral: router_jitter_noise", "minimax: router_jitter_noise", "llama4_text: router_jitter_noise", "phimoe: input_jitter_noise",
        "electra: summary_last_dropout", "modernbert: mlp_dropout", "modernbert: initializer_cutoff_factor",
        "modernbert: deterministic_flash_attn", "modernbert: sparse_prediction", "modernbert: sparse_pred_ignore_index",
        "minimax: block_size", "bloom: slow_but_exact",
        // Sizes that follow from others, and longest sequences that only reserve memory.
        "codegen: n_ctx", "ministral3: max_position_embeddings",
        // Read by the published class and used by no arithmetic of it (see the README of the reference data).
        "deepseek_v2: norm_topk_prob", "gemma3: attn_logit_softcapping", "gemma3_text: attn_logit_softcapping", "gpt_oss: hidden_act",
        "mpnet: relative_attention_num_buckets", "hunyuan_v1_dense: factor", "hunyuan_v1_dense: type", "mpt: embedding_fraction", "mpt: expansion_ratio",
        "mpt: init_device", "mpt: learned_pos_emb", "mpt: no_bias", "mpt: norm_type", "mpt: architectures", "mpt: attn_impl",
        "mpt: chunk_size_feed_forward", "mpt: is_encoder_decoder", "mpt: model_type", "mpt: output_attentions",
        "mpt: output_hidden_states", "mpt: problem_type", "mpt: return_dict",
        // Superseded by another key of the same file.
        "gemma: hidden_act", "gpt_neox: rope_theta", "gpt_neox: partial_rotary_factor", "exaone4: sliding_window_pattern",
        "gemma3: _sliding_window_pattern", "gemma3_text: _sliding_window_pattern", "llama4_text: interleave_moe_layer_step",
        "llama4_text: no_rope_layer_interval", "smollm3: no_rope_layer_interval", "phi3: original_max_position_embeddings",
    };

    /// <summary>Keys that have no effect in one model, because another key of it is as it is.</summary>
    private static readonly HashSet<string> Here = new(StringComparer.Ordinal)
    {
        // Heads of classifiers are never tied, and have no part of a language model's head.
        "albert-cls-A: tie_word_embeddings", "camembert-cls-A: tie_word_embeddings", "deberta-v2-cls-A: tie_word_embeddings",
        "electra-cls-A: tie_word_embeddings", "modernbert-cls-A: tie_word_embeddings", "mpnet-cls-A: tie_word_embeddings",
        "xlm-roberta-cls-A: tie_word_embeddings", "deberta-v2-cls-A: legacy", "deberta-v2-mlm-A: pooler_hidden_size",
        "modernbert-cls-A: decoder_bias",
        // The key beside 'text_config' outranks it.
        "gemma3-A: tie_word_embeddings", "gemma4-A: tie_word_embeddings", "mistral3-A: tie_word_embeddings",
        "qwen3_5-A: tie_word_embeddings",
        // No window is switched on, or 'layer_types' says which layers have it.
        "qwen2-A: max_window_layers", "qwen2-A: use_sliding_window", "qwen2-yarn: max_window_layers", "qwen2-yarn: sliding_window",
        "qwen2-yarn: use_sliding_window", "qwen2_5_vl-A: max_window_layers", "qwen2_5_vl-A: use_sliding_window",
        "qwen2_moe-A: max_window_layers", "qwen2_moe-A: use_sliding_window", "qwen2_v5-A: max_window_layers",
        "qwen3-A: max_window_layers", "qwen3-A: sliding_window", "qwen3-A: use_sliding_window", "qwen3-bias: max_window_layers",
        "qwen3-bias: sliding_window", "qwen3-bias: use_sliding_window", "qwen3_moe-A: use_sliding_window",
        "qwen3_v5-A: max_window_layers", "qwen3_v5-A: use_sliding_window", "smollm3-A: use_sliding_window",
        // All layers are mixtures, none is a state space, there are no experts, no vectors, no layers that share.
        "qwen2_moe-A: intermediate_size", "qwen3_5_moe_text-A: intermediate_size", "qwen3_next-A: intermediate_size",
        "granitemoehybrid-A: intermediate_size", "granitemoehybrid-A: mamba_chunk_size", "granitemoehybrid-A: mamba_conv_bias",
        "granitemoehybrid-A: mamba_d_conv", "granitemoehybrid-A: mamba_d_head", "granitemoehybrid-A: mamba_d_state",
        "granitemoehybrid-A: mamba_expand", "granitemoehybrid-A: mamba_n_groups", "granitemoehybrid-A: mamba_n_heads",
        "granitemoehybrid-A: mamba_proj_bias", "granitemoehybrid-A: time_step_limit",
        "ernie4_5_moe-bias: moe_intermediate_size", "ernie4_5_moe-bias: moe_k", "ernie4_5_moe-bias: moe_layer_end_index",
        "ernie4_5_moe-bias: moe_layer_interval", "ernie4_5_moe-bias: moe_layer_start_index", "ernie4_5_moe-bias: moe_norm_min",
        "ernie4_5_moe-bias: moe_num_experts", "ernie4_5_moe-bias: moe_num_shared_experts",
        "gemma4-A: moe_intermediate_size", "gemma4-A: num_experts", "gemma4-A: top_k_experts", "gemma4_text-A: moe_intermediate_size",
        "gemma4_text-A: num_experts", "gemma4_text-A: top_k_experts", "gemma4_text-experts: vocab_size_per_layer_input",
        "gemma4_text-experts: use_double_wide_mlp", "falcon-A: num_kv_heads", "lfm2-A: block_ffn_dim_multiplier",
        "lfm2-A: block_multiple_of",
        // Of so few channels that only pairs of frequency 1 turn, or none is near the border that the key moves.
        "gemma4_text-wide: rope_theta", "phi-grouped: rope_theta", "deepseek_v2-A: beta_fast", "deepseek_v3-A: beta_fast",
        "gpt_oss-A: beta_fast", "ministral3-A: beta_fast", "mistral_v5-A: beta_fast",
        // An explicit factor of attention outranks what follows from it.
        "llama-longrope-factor: factor",
    };

    public static TheoryData<string> Names => [.. GoldenModel.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_key_changes_the_model_or_is_known_to_change_nothing(string name)
    {
        var path = Path.Combine(GoldenModel.FolderOf(name), "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        var before = Described(config, path);
        Assert.NotNull(before);
        var type = config["model_type"]!.GetValue<string>();
        var forgotten = Leaves(config, "")
            .Where(leaf => !UnreadKeyTests.HasNoEffect(leaf.Key))
            .Where(leaf => !WithoutEffect.Contains(leaf.Key) && !WithoutEffect.Contains($"{type}: {leaf.Key}"))
            .Where(leaf => !Here.Contains($"{name}: {leaf.Key}"))
            .Where(IsForgotten)
            .Select(leaf => leaf.Path).ToArray();
        Assert.Equal("", string.Join(", ", forgotten));

        bool IsForgotten((JsonObject At, string Key, string Path) leaf)
        {
            var own = leaf.At[leaf.Key]?.DeepClone();
            var values = Others(own).ToArray();
            var isForgotten = values.Length > 0 && Array.TrueForAll(values, other =>
            {
                leaf.At[leaf.Key] = other?.DeepClone();
                return Described(config, path) == before;
            });
            leaf.At[leaf.Key] = own;
            return isForgotten;
        }
    }

    private static string? Described(JsonObject config, string path)
    {
        try
        {
            var reader = ConfigReader.Parse(System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()), path);
            var identity = ModelIdentity.Read(reader, path);
            return $"{SpecText.Of(KnownFamilies.Describe(reader))} {identity.BeginOfSequence} {string.Join(',', identity.EndOfSequence)}";
        }
        catch (ModelException)
        {
            return null;
        }
    }

    private static IEnumerable<(JsonObject At, string Key, string Path)> Leaves(JsonObject node, string at)
    {
        foreach (var (key, value) in node.ToArray())
        {
            if (value is JsonObject inner && key is not ("id2label" or "label2id" or "vision_config" or "audio_config"))
            {
                foreach (var leaf in Leaves(inner, $"{at}{key}."))
                    yield return leaf;
            }
            else
            {
                yield return (node, key, at + key);
            }
        }
    }

    private static IEnumerable<JsonNode?> Others(JsonNode? value) => value switch
    {
        null => [true, 3, 0.5],
        JsonArray { Count: 0 } => [],
        JsonArray list => Others(list[^1]).Select(other => (JsonNode?)With(list, list.Count - 1, other))
            .Concat(Others(list[0]).Select(other => With(list, 0, other))),
        JsonValue leaf when leaf.TryGetValue<bool>(out var flag) => [!flag],
        JsonValue leaf when leaf.TryGetValue<string>(out var text) =>
            Texts.Where(other => other != text).Select(other => (JsonNode?)other),
        JsonValue leaf when leaf.TryGetValue<double>(out var number) =>
            number == Math.Floor(number) && number < int.MaxValue / 64
                ? [number + 1, number * 2 + 2, Math.Max(1, number - 1), number - 1, 3, 40 * number]
                : [number * 1.5, number / 2, number * 40],
        _ => [],
    };

    private static JsonArray With(JsonArray list, int place, JsonNode? other)
    {
        var changed = list.DeepClone().AsArray();
        changed[place] = other?.DeepClone();
        return changed;
    }
}
