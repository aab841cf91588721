using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Gguf.Models;

/// <summary>Which biases the readers of an architecture look for.</summary>
[Flags]
internal enum GgufBiases
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Of queries, keys and values.</summary>
    Input = 1,

    /// <summary>Of the attention's output.</summary>
    Output = 2,

    /// <summary>Of the feed-forward part, experts and their router included.</summary>
    FeedForward = 4,
}

/// <summary>
/// An architecture as llama.cpp computes it: what its graph has, and where a model must not differ because the graph is fixed there.
/// </summary>
/// <param name="Name">The value of <c>general.architecture</c>.</param>
internal sealed record GgufArchitecture(string Name)
{
    private static readonly GgufArchitecture Llama = new("llama")
    {
        PairsNeighbours = true,
        Biases = GgufBiases.Input | GgufBiases.Output | GgufBiases.FeedForward,
        HasFrequencies = true,
        HasLongRope = true,
        HasScale = true,
        Renormalises = true,
    };

    private static readonly GgufArchitecture DeepSeek2 = new("deepseek2")
    {
        PairsNeighbours = true,
        NeedsHead = true,
        IsLatent = true,
        HasLeadingDense = true,
        HasRoutingKeys = true,
        Renormalises = true,
    };

    // DeepSeekMoE whose weights of experts are divided by their sum, which the graph of 'deepseek' does not do.
    private static readonly GgufArchitecture BailingMoe = new("bailingmoe")
    {
        PairsNeighbours = true,
        NeedsHead = true,
        HasLeadingDense = true,
        HasNormKey = true,
        IsAlwaysMixture = true,
        Renormalises = true,
    };

    private static readonly Dictionary<string, GgufArchitecture> ByModelType = new(StringComparer.Ordinal)
    {
        ["llama"] = Llama,
        ["mistral"] = Llama,
        ["mixtral"] = Llama,
        ["qwen2"] = new("qwen2") { Biases = GgufBiases.Input },
        ["qwen2_moe"] = new("qwen2moe") { Biases = GgufBiases.Input, NeedsHead = true, Renormalises = false, IsAlwaysMixture = true },
        ["qwen3"] = new("qwen3") { HasHeadNorms = true },
        ["qwen3_moe"] = new("qwen3moe") { HasHeadNorms = true, Renormalises = true, IsAlwaysMixture = true },
        ["deepseek"] = new("deepseek") { PairsNeighbours = true, NeedsHead = true, HasLeadingDense = true, Renormalises = false },
        ["deepseek_v2"] = DeepSeek2,
        ["deepseek_v3"] = DeepSeek2,
        ["gemma2"] = new("gemma2")
        {
            Activation = ActivationKind.GeluTanh,
            HasOutputNorms = true,
            WindowPeriod = 2,
            ScalesEmbedding = true,
            HasCaps = true,
            HeadIsTable = true,
        },
        ["gemma3_text"] = new("gemma3")
        {
            Activation = ActivationKind.GeluTanh,
            HasHeadNorms = true,
            HasOutputNorms = true,
            WindowPeriod = 6,
            ScalesEmbedding = true,
            HasLocalRope = true,
        },
        ["phi3"] = new("phi3") { IsFused = true, HasLongRope = true },
        ["smollm3"] = new("smollm3") { PairsNeighbours = true, UnrotatedPeriod = 4 },
        ["granite"] = new("granite")
        {
            PairsNeighbours = true,
            Biases = GgufBiases.Input | GgufBiases.Output | GgufBiases.FeedForward,
            HasFrequencies = true,
            HasLongRope = true,
            HasScale = true,
            HasFactors = true,
        },
        ["gpt_oss"] = new("gpt-oss")
        {
            Biases = GgufBiases.Input | GgufBiases.Output | GgufBiases.FeedForward,
            WindowPeriod = 2,
            NeedsHead = true,
            HasSinks = true,
            Renormalises = true,
            FeedForwardNorm = "post_attention_norm",
            IsAlwaysMixture = true,
        },
        ["bert"] = new("bert") { Activation = ActivationKind.Gelu },
    };

    /// <summary>The values of <c>model_type</c> that can be written, in order.</summary>
    public static IReadOnlyList<string> ModelTypes { get; } = [.. ByModelType.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Whether neighbouring channels are rotated together, and not those half a head apart.</summary>
    public bool PairsNeighbours { get; init; }

    /// <summary>The feed-forward part's activation.</summary>
    public ActivationKind Activation { get; init; } = ActivationKind.Silu;

    /// <summary>Which biases there may be.</summary>
    public GgufBiases Biases { get; init; }

    /// <summary>Whether each head's queries and keys are normalised.</summary>
    public bool HasHeadNorms { get; init; }

    /// <summary>Whether there are norms after both parts of a layer.</summary>
    public bool HasOutputNorms { get; init; }

    /// <summary>Every so manieth layer sees all tokens, the others a window, where nothing else is said; 0: there are no windows.</summary>
    public int WindowPeriod { get; init; }

    /// <summary>Every so manieth layer does not rotate; 0: all do.</summary>
    public int UnrotatedPeriod { get; init; }

    /// <summary>Whether token rows are multiplied by the root of their width.</summary>
    public bool ScalesEmbedding { get; init; }

    /// <summary>Whether scores and logits may be capped.</summary>
    public bool HasCaps { get; init; }

    /// <summary>Whether a key gives the factor of attention scores.</summary>
    public bool HasScale { get; init; }

    /// <summary>Whether keys give the factors of embeddings, residuals and logits.</summary>
    public bool HasFactors { get; init; }

    /// <summary>Whether a tensor may give a divisor of each rotary frequency.</summary>
    public bool HasFrequencies { get; init; }

    /// <summary>Whether tensors may give LongRoPE's divisors.</summary>
    public bool HasLongRope { get; init; }

    /// <summary>Whether layers with a window have rotary positions of their own.</summary>
    public bool HasLocalRope { get; init; }

    /// <summary>Whether the head must be there although it is the token table.</summary>
    public bool NeedsHead { get; init; }

    /// <summary>Whether the head is always the token table.</summary>
    public bool HeadIsTable { get; init; }

    /// <summary>Whether the softmax has a score without a key.</summary>
    public bool HasSinks { get; init; }

    /// <summary>Whether chosen experts' weights are divided by their sum; <see langword="null"/>: there are no mixtures.</summary>
    public bool? Renormalises { get; init; }

    /// <summary>Whether every layer is a mixture.</summary>
    public bool IsAlwaysMixture { get; init; }

    /// <summary>Whether the first layers may be dense, and experts be shared by all tokens without a gate.</summary>
    public bool HasLeadingDense { get; init; }

    /// <summary>Whether keys say how scores of experts become weights, where <see cref="Renormalises"/> says nothing then.</summary>
    public bool HasRoutingKeys { get; init; }

    /// <summary>Whether a key says that chosen experts' weights are divided by their sum.</summary>
    public bool HasNormKey { get; init; }

    /// <summary>Whether keys and values are made of a latent.</summary>
    public bool IsLatent { get; init; }

    /// <summary>Whether queries, keys and values are one matrix, and so are gate and up.</summary>
    public bool IsFused { get; init; }

    /// <summary>Name of the norm before the feed-forward part.</summary>
    public string FeedForwardNorm { get; init; } = "ffn_norm";

    /// <summary>The architecture of a model type; <see langword="null"/> where there is none.</summary>
    public static GgufArchitecture? Of(string? modelType) => modelType is null ? null : ByModelType.GetValueOrDefault(modelType);

    /// <summary>The architecture whose graph computes what a model of this one's type does.</summary>
    public GgufArchitecture For(TransformerSpec spec) =>
        Name == "deepseek" && spec.Layers.All(layer => layer.FeedForward is MixtureSpec { Routing.Renormalised: not null })
            ? spec.Layers.All(layer => layer.FeedForward is MixtureSpec { Shared: null }) ? Llama : BailingMoe
            : this;
}
