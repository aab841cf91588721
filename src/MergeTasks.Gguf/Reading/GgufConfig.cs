using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Gguf.Format;

namespace MergeTasks.Gguf.Reading;

/// <summary>
/// What a GGUF file's keys say of a model, as the configuration from which its tensors' names and shapes follow. It is no more than that:
/// rotary scaling and what else a model computes come from the model that the tensors are merged with.
/// </summary>
internal static class GgufConfig
{
    private static readonly Dictionary<string, (string ModelType, string Architecture)> Known = new(StringComparer.Ordinal)
    {
        ["llama"] = ("llama", "LlamaForCausalLM"),
        ["qwen2"] = ("qwen2", "Qwen2ForCausalLM"),
        ["qwen3"] = ("qwen3", "Qwen3ForCausalLM"),
        ["gemma2"] = ("gemma2", "Gemma2ForCausalLM"),
        ["phi3"] = ("phi3", "Phi3ForCausalLM"),
        ["smollm3"] = ("smollm3", "SmolLM3ForCausalLM"),
        ["granite"] = ("granite", "GraniteForCausalLM"),
    };

    /// <summary>The configuration.</summary>
    /// <exception cref="GgufException">The architecture is not one whose tensors are read, or a key is missing.</exception>
    public static byte[] Of(GgufFile file)
    {
        var name = file.Text("general.architecture")
            ?? throw new GgufException(GgufError.Malformed, "does not say its architecture");
        if (!Known.TryGetValue(name, out var known))
        {
            throw new GgufException(
                GgufError.UnknownArchitecture,
                $"has the architecture '{name}'; read are {string.Join(", ", Known.Keys.Order(StringComparer.Ordinal))}");
        }

        if (file.Number($"{name}.expert_count") is > 0)
            throw new GgufException(GgufError.UnknownArchitecture, "is a mixture of experts, which is not read");
        if (!file.Tensors.TryGetValue("token_embd.weight", out var table))
            throw new GgufException(GgufError.WrongTensor, "has no tensor 'token_embd.weight'");
        var heads = Whole("attention.head_count", null);
        var hidden = Whole("embedding_length", null);
        var config = new JsonObject
        {
            ["model_type"] = known.ModelType,
            ["architectures"] = new JsonArray(known.Architecture),
            ["hidden_size"] = hidden,
            ["intermediate_size"] = Whole("feed_forward_length", null),
            ["num_hidden_layers"] = Whole("block_count", null),
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = Whole("attention.head_count_kv", heads),
            ["head_dim"] = Whole("attention.key_length", heads == 0 ? 0 : hidden / heads),
            ["max_position_embeddings"] = Whole("context_length", 2048),
            ["vocab_size"] = table.Tensor.Shape[^1],
            ["tie_word_embeddings"] = !file.Tensors.ContainsKey("output.weight"),
            ["attention_bias"] = name != "qwen2" && file.Tensors.ContainsKey("blk.0.attn_q.bias"),
            ["mlp_bias"] = file.Tensors.ContainsKey("blk.0.ffn_up.bias"),
        };
        // As its readers multiply scores.
        if (name == "gemma2")
        {
            config["query_pre_attn_scalar"] =
                Whole("block_count", null) == 46 ? hidden / Math.Max(heads, 1) : Whole("attention.key_length", null);
        }

        return JsonSerializer.SerializeToUtf8Bytes(config);

        int Whole(string key, int? absent) => file.Number($"{name}.{key}") is { } number
            ? number is >= 0 and <= int.MaxValue && number == Math.Floor(number) ? (int)number
                : throw new GgufException(GgufError.Malformed, $"has '{name}.{key}' = {number.ToString(CultureInfo.InvariantCulture)}")
            : absent ?? throw new GgufException(GgufError.Malformed, $"has no '{name}.{key}'");
    }
}
