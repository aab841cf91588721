using System.Globalization;
using System.Text.Json;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Experts;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>One kind of mixture: which dense models become it, what its tensors are called, and what its configuration says.</summary>
internal sealed record MixtureForm
{
    private static readonly string[] LlamaTypes = ["llama", "mistral"];

    /// <summary>Mixtral: stacked, as transformers 5 names it, or one by one, as earlier versions do.</summary>
    public static MixtureForm Mixtral { get; } = new(MixtureArchitecture.Mixtral, "mixtral", "MixtralForCausalLM", LlamaTypes)
    {
        SeparateBlock = "block_sparse_moe",
        SeparateNames = ("w1", "w3", "w2"),
        Settings = (inner, experts, perToken, shared) =>
        [
            Of("num_local_experts", experts), Of("num_experts_per_tok", perToken), Of("output_router_logits", "false"),
            Of("router_aux_loss_coef", "0.001"), Of("router_jitter_noise", "0.0"),
        ],
        DropsWindow = true,
    };

    /// <summary>Qwen 2 MoE, whose shared expert has a gate of its own.</summary>
    public static MixtureForm Qwen2 { get; } = new(MixtureArchitecture.Qwen, "qwen2_moe", "Qwen2MoeForCausalLM", ["qwen2", .. LlamaTypes])
    {
        SharedBlock = "shared_expert",
        SharedGate = "shared_expert_gate",
        NeedsShared = true,
        AllowsInputBias = true,
        NeedsInputBias = true,
        Settings = (inner, experts, perToken, shared) =>
        [
            .. QwenSettings(inner, experts, perToken), Of("shared_expert_intermediate_size", inner), Of("use_sliding_window", "false"),
        ],
        DropsWindow = true,
    };

    /// <summary>Qwen 3 MoE.</summary>
    public static MixtureForm Qwen3 { get; } = new(MixtureArchitecture.Qwen3, "qwen3_moe", "Qwen3MoeForCausalLM", ["qwen3"])
    {
        Settings = (inner, experts, perToken, shared) => QwenSettings(inner, experts, perToken),
    };

    /// <summary>DeepSeekMoE, which is loaded by code of its own from the Hub; its experts are always tensors of their own.</summary>
    public static MixtureForm DeepSeek { get; } = new(MixtureArchitecture.DeepSeek, "deepseek", "DeepseekForCausalLM", LlamaTypes)
    {
        SharedBlock = "shared_experts",
        IsAlwaysSeparate = true,
        Settings = (inner, experts, perToken, shared) =>
        [
            Of("n_routed_experts", experts), Of("n_shared_experts", shared == 0 ? "null" : Text(shared)),
            Of("num_experts_per_tok", perToken),
            Of("first_k_dense_replace", 0), Of("moe_layer_freq", 1), Of("scoring_func", "\"softmax\""), Of("norm_topk_prob", "true"),
            Of("moe_intermediate_size", inner), Of("auto_map", DeepSeekCode),
        ],
    };

    private const string DeepSeekCode =
        """{"AutoConfig": "deepseek-ai/deepseek-moe-16b-base--configuration_deepseek.DeepseekConfig", """
        + """ "AutoModel": "deepseek-ai/deepseek-moe-16b-base--modeling_deepseek.DeepseekModel", """
        + """ "AutoModelForCausalLM": "deepseek-ai/deepseek-moe-16b-base--modeling_deepseek.DeepseekForCausalLM"}""";

    private MixtureForm(MixtureArchitecture architecture, string modelType, string className, IReadOnlyList<string> takes) =>
        (Architecture, ModelType, ClassName, Takes) = (architecture, modelType, className, takes);

    /// <summary>All of them; of those that take a model and a number of shared experts the first is taken.</summary>
    public static IReadOnlyList<MixtureForm> All { get; } = [Mixtral, DeepSeek, Qwen2, Qwen3];

    /// <summary>What users call it.</summary>
    public MixtureArchitecture Architecture { get; }

    /// <summary>Its <c>model_type</c>.</summary>
    public string ModelType { get; }

    /// <summary>Its class.</summary>
    public string ClassName { get; }

    /// <summary>The values of <c>model_type</c> of the dense models that become it.</summary>
    public IReadOnlyList<string> Takes { get; }

    /// <summary>Name of the block where experts are tensors of their own.</summary>
    public string SeparateBlock { get; private init; } = "mlp";

    /// <summary>Names of gate, up and down there.</summary>
    public (string Gate, string Up, string Down) SeparateNames { get; private init; } = ("gate_proj", "up_proj", "down_proj");

    /// <summary>Whether experts are never stacked.</summary>
    public bool IsAlwaysSeparate { get; private init; }

    /// <summary>Name of the expert that sees every token; <see langword="null"/>: there is none.</summary>
    public string? SharedBlock { get; private init; }

    /// <summary>Name of its gate, if it has one.</summary>
    public string? SharedGate { get; private init; }

    /// <summary>Whether there must be a shared expert.</summary>
    public bool NeedsShared { get; private init; }

    /// <summary>Whether queries, keys and values may have biases.</summary>
    public bool AllowsInputBias { get; private init; }

    /// <summary>Whether they must have them, zeros where the dense model has none.</summary>
    public bool NeedsInputBias { get; private init; }

    /// <summary>What the configuration says besides, of inner channels, experts, experts per token and shared experts.</summary>
    private Func<int, int, int, int, IReadOnlyList<KeyValuePair<string, string>>> Settings { get; init; } = null!;

    // Whatever window the base had: the published Mixtral has none, and versions differ in what they take where nothing is said.
    private bool DropsWindow { get; init; }

    /// <summary>Whether it takes so many shared experts.</summary>
    public bool TakesShared(int count) => count == 0 ? !NeedsShared : SharedBlock is not null;

    /// <summary>The mixture's configuration.</summary>
    public ModelConfig Config(ModelConfig dense, int inner, int experts, int perToken, int shared)
    {
        List<KeyValuePair<string, string>> members =
        [
            Of("architectures", $"[\"{ClassName}\"]"), Of("model_type", $"\"{ModelType}\""), .. Settings(inner, experts, perToken, shared),
        ];
        if (DropsWindow)
            members.Add(Of("sliding_window", "null"));
        return dense.With(members);
    }

    // Versions of transformers read the one or the other name of the number of experts.
    private static IReadOnlyList<KeyValuePair<string, string>> QwenSettings(int inner, int experts, int perToken) =>
    [
        Of("decoder_sparse_step", 1), Of("mlp_only_layers", "[]"), Of("moe_intermediate_size", inner), Of("norm_topk_prob", "true"),
        Of("num_experts", experts), Of("num_local_experts", experts), Of("num_experts_per_tok", perToken),
        Of("output_router_logits", "false"), Of("router_aux_loss_coef", "0.001"),
    ];

    private static KeyValuePair<string, string> Of(string key, string value) => new(key, value);

    private static KeyValuePair<string, string> Of(string key, int value) => new(key, Text(value));

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
