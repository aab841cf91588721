using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Vocabularies;

namespace MergeTasks.Gguf.Reading;

/// <summary>
/// The configuration of the model in a GGUF file, as Hugging Face's libraries have it: what the file's keys say, what its readers take for
/// a key that is absent, and what the architecture's graph has built in.
/// </summary>
/// <param name="file">The file.</param>
internal sealed class GgufConfig(GgufFile file)
{
    // A cap or window that is larger than this was written for none.
    private const double NoCap = 1e6;
    private const int NoWindow = int.MaxValue / 2;

    private static readonly Dictionary<string, (string ModelType, string Class)> Known = new(StringComparer.Ordinal)
    {
        ["llama"] = ("llama", "LlamaForCausalLM"),
        ["qwen2"] = ("qwen2", "Qwen2ForCausalLM"),
        ["qwen2moe"] = ("qwen2_moe", "Qwen2MoeForCausalLM"),
        ["qwen3"] = ("qwen3", "Qwen3ForCausalLM"),
        ["qwen3moe"] = ("qwen3_moe", "Qwen3MoeForCausalLM"),
        ["gemma2"] = ("gemma2", "Gemma2ForCausalLM"),
        ["gemma3"] = ("gemma3_text", "Gemma3ForCausalLM"),
        ["phi3"] = ("phi3", "Phi3ForCausalLM"),
        ["smollm3"] = ("smollm3", "SmolLM3ForCausalLM"),
        ["granite"] = ("granite", "GraniteForCausalLM"),
        ["deepseek"] = ("deepseek", "DeepseekForCausalLM"),
        ["bailingmoe"] = ("deepseek", "DeepseekForCausalLM"),
        ["gpt-oss"] = ("gpt_oss", "GptOssForCausalLM"),
    };

    private readonly string _name = file.Text("general.architecture")
        ?? throw new GgufException(GgufError.Malformed, "does not say its architecture");

    /// <summary>The text of <c>config.json</c>.</summary>
    /// <exception cref="GgufException">
    /// The architecture is not one whose tensors are read, a key is missing, or has a value that is not read.
    /// </exception>
    public static byte[] Of(GgufFile file) => JsonSerializer.SerializeToUtf8Bytes(new GgufConfig(file).Read());

    private JsonObject Read()
    {
        if (!Known.TryGetValue(_name, out var known))
        {
            throw new GgufException(
                GgufError.UnknownArchitecture,
                $"has the architecture '{_name}'; read are {string.Join(", ", Known.Keys.Order(StringComparer.Ordinal))}");
        }

        if (file.Number("split.count") is > 1 and var files)
        {
            throw new GgufException(
                GgufError.UnknownArchitecture,
                $"is one of {files} files of a model, which are read as one only: join them with llama-gguf-split --merge");
        }

        var experts = Whole("expert_count", 0);
        if (_name == "llama" && experts > 0)
            known = ("mixtral", "MixtralForCausalLM");
        else if (experts > 0 && _name is not ("qwen2moe" or "qwen3moe" or "gpt-oss" or "deepseek" or "bailingmoe"))
            throw new GgufException(GgufError.UnknownArchitecture, $"is a mixture of experts, which '{_name}' is not read as");
        if (!file.Tensors.TryGetValue("token_embd.weight", out var table))
            throw new GgufException(GgufError.WrongTensor, "has no tensor 'token_embd.weight'");
        var heads = Whole("attention.head_count", null);
        var hidden = Whole("embedding_length", null);
        var head = Whole("attention.key_length", heads == 0 ? 0 : hidden / heads);
        Require("attention.value_length", head);
        var config = new JsonObject
        {
            ["model_type"] = known.ModelType,
            ["architectures"] = new JsonArray(known.Class),
            ["hidden_size"] = hidden,
            ["intermediate_size"] = Whole("feed_forward_length", _name is "gpt-oss" or "qwen3moe" ? 1 : null),
            ["num_hidden_layers"] = Whole("block_count", null),
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = Whole("attention.head_count_kv", heads),
            ["head_dim"] = head,
            ["max_position_embeddings"] = Whole("context_length", 2048),
            ["rms_norm_eps"] = Real("attention.layer_norm_rms_epsilon", null),
            ["vocab_size"] = table.Tensor.Shape[^1],
            ["tie_word_embeddings"] = !file.Tensors.ContainsKey("output.weight"),
            ["torch_dtype"] = DTypeOf(),
        };
        foreach (var (role, key) in SpecialTokens.Roles.Where(one => one.Role is "bos_token" or "eos_token" or "pad_token"))
        {
            if (file.Number($"tokenizer.ggml.{key}") is { } id)
                config[$"{role}_id"] = id;
        }

        var (activation, function) = _name is "gemma2" or "gemma3" ? ("hidden_activation", "gelu_pytorch_tanh") : ("hidden_act", "silu");
        config[activation] = function;
        AddOwn(config, hidden, heads, head);
        if (experts > 0)
            AddExperts(config, experts);
        new GgufRope(file, _name, head, Whole("context_length", 2048)).AddTo(config);
        return config;
    }

    // What only some architectures have.
    private void AddOwn(JsonObject config, int hidden, int heads, int head)
    {
        if (_name is "llama" or "granite" or "smollm3" or "gpt-oss")
            config["attention_bias"] = file.Tensors.ContainsKey("blk.0.attn_q.bias");
        if (_name is "llama" or "granite")
            config["mlp_bias"] = file.Tensors.ContainsKey("blk.0.ffn_up.bias");
        switch (_name)
        {
            case "llama" when Real("attention.scale", 0) is not 0 and var scale && Math.Abs(scale * Math.Sqrt(head) - 1) > 1e-5:
                throw Refused("attention.scale", scale, "1 divided by the root of a head's width");
            case "gemma2" or "gemma3":
                // As readers multiply scores.
                config["query_pre_attn_scalar"] = (_name, Whole("block_count", null)) is ("gemma2", 46) or ("gemma3", 62)
                    ? hidden / Math.Max(heads, 1) : head;
                AddWindow(config, _name == "gemma2" ? 2 : 6, 4096);
                if (_name == "gemma2")
                    config["attn_logit_softcapping"] = Real("attn_logit_softcapping", 50) is var cap and < NoCap ? cap : null;
                config["final_logit_softcapping"] =
                    Real("final_logit_softcapping", _name == "gemma2" ? 30 : NoCap) is var last and < NoCap and > 0 ? last : null;
                break;
            case "gpt-oss":
                AddWindow(config, 2, 128);
                break;
            case "phi3" when Whole("attention.sliding_window", 0) is > 0 and < NoWindow and var window:
                config["sliding_window"] = window;
                break;
            case "smollm3":
                config["no_rope_layer_interval"] = 4;
                break;
            case "granite":
                config["attention_multiplier"] = Real("attention.scale", 0) is not 0 and var multiplier ? multiplier : 1 / Math.Sqrt(head);
                config["residual_multiplier"] = OrOne("residual_scale");
                config["embedding_multiplier"] = OrOne("embedding_scale");
                config["logits_scaling"] = OrOne("logit_scale");
                break;
        }

        // Readers take a factor of 0 for none.
        double OrOne(string key) => Real(key, 0) is not 0 and var factor ? factor : 1;
    }

    private void AddWindow(JsonObject config, int usualPeriod, int absent)
    {
        var window = Whole("attention.sliding_window", absent);
        config["sliding_window"] = window is > 0 and < NoWindow ? window : null;
        var layers = Whole("block_count", null);
        var kinds = file.Numbers($"{_name}.attention.sliding_window_pattern");
        var period = Whole("attention.sliding_window_pattern", usualPeriod);
        if (kinds is not null && kinds.Length != layers)
            throw new GgufException(GgufError.Malformed, $"has '{_name}.attention.sliding_window_pattern' for {kinds.Length} layers");
        config["layer_types"] = new JsonArray(
        [
            .. Enumerable.Range(0, layers).Select(layer => (JsonNode)(
                (kinds is null ? period > 0 && layer % period < period - 1 : kinds[layer] != 0)
                    ? "sliding_attention" : "full_attention")),
        ]);
    }

    private void AddExperts(JsonObject config, int experts)
    {
        var inner = Whole("expert_feed_forward_length", Whole("feed_forward_length", 1));
        config["num_experts_per_tok"] = Whole("expert_used_count", null);
        var isDeepSeek = _name is "deepseek" or "bailingmoe";
        config[isDeepSeek ? "n_routed_experts" : _name is "llama" or "gpt-oss" ? "num_local_experts" : "num_experts"] = experts;
        if (_name is "llama" or "gpt-oss")
            config["intermediate_size"] = inner;
        else
            config["moe_intermediate_size"] = inner;
        if (Real("expert_weights_scale", 0) is not (0 or 1) and var scale)
            throw Refused("expert_weights_scale", scale, "1");
        switch (_name)
        {
            case "qwen2moe":
                config["shared_expert_intermediate_size"] = Whole("expert_shared_feed_forward_length", Whole("feed_forward_length", null));
                config["norm_topk_prob"] = false;
                config["qkv_bias"] = file.Tensors.ContainsKey("blk.0.attn_q.bias");
                break;
            case "deepseek" or "bailingmoe":
                config["n_shared_experts"] = Whole("expert_shared_count", 0);
                config["first_k_dense_replace"] = Whole("leading_dense_block_count", 0);
                config["norm_topk_prob"] = Real("expert_weights_norm", 0) != 0;
                break;
            case "qwen3moe":
                config["norm_topk_prob"] = true;
                break;
        }
    }

    // Most matrices' type, where it is one that checkpoints have.
    private string DTypeOf() => file.Tensors.GetValueOrDefault("blk.0.attn_output.weight").Tensor?.Type switch
    {
        GgmlType.F32 => "float32",
        GgmlType.F16 => "float16",
        _ => "bfloat16",
    };

    private void Require(string key, int value)
    {
        if (Whole(key, value) is var own && own != value)
            throw Refused(key, own, $"{value}");
    }

    private GgufException Refused(string key, double value, string valid) => new(
        GgufError.UnknownArchitecture,
        $"has '{_name}.{key}' = {value.ToString(CultureInfo.InvariantCulture)}, which is not read for '{_name}'; it can be {valid}");

    private int Whole(string key, int? absent) => Real(key, absent) is var number
        && number is >= 0 and <= int.MaxValue && number == Math.Floor(number) ? (int)number
        : throw new GgufException(GgufError.Malformed, $"has '{_name}.{key}' = {number.ToString(CultureInfo.InvariantCulture)}");

    private double Real(string key, double? absent) => file.Number($"{_name}.{key}") ?? absent
        ?? throw new GgufException(GgufError.Malformed, $"has no '{_name}.{key}', or a list there, which is not read");
}
