using System.Text.RegularExpressions;

namespace MergeTasks.Checkpoints.Naming;

/// <summary>
/// What the names of tensors tell in the checkpoints of all families: which hold token embeddings, output heads and computed buffers,
/// which heads are tied to which embeddings, and which names mean the same tensor in differently saved checkpoints.
/// </summary>
/// <remarks>All tables hold names as <see cref="Canonical"/> gives them.</remarks>
internal static partial class TensorNames
{
    // Prefixes that depend on the class that a checkpoint was saved from. A language model within a vision–language model, or a bare
    // backbone without its head, has otherwise the same names. The first that fits is removed.
    private static readonly string[] Wrappers =
    [
        "model.language_model.model.",   // some converted vision–language models
        "model.language_model.",         // Qwen2.5-VL, Gemma 3, Llava since transformers 4.52
        "language_model.model.",         // Llava, Mistral 3, Llama 4, Gemma 3 before
        "language_model.",               // …their lm_head
        "model.text_model.",             // Idefics, SmolVLM
        "transformer.",                  // GPT-2, Falcon, BLOOM
        "bert.", "roberta.", "distilbert.",
        "gpt_neox.",
        "backbone.",                     // Mamba
        "model.",                        // Llama and most decoders, BART
    ];

    // Endings of the first BERT checkpoints.
    private static readonly (string Old, string Now)[] Endings = [(".gamma", ".weight"), (".beta", ".bias")];

    private static readonly HashSet<string> EmbeddingNames = new(StringComparer.Ordinal)
    {
        "embed_tokens.weight",                  // Llama, Mistral, Qwen, Gemma, Phi, OLMo, StableLM, StarCoder2, Cohere
        "wte.weight",                           // GPT-2, GPT-BigCode
        "embed_in.weight",                      // GPT-NeoX
        "embeddings.weight",                    // Mamba
        "word_embeddings.weight",               // Falcon, BLOOM
        "tok_embeddings.weight",                // InternLM2
        "embedding.word_embeddings.weight",     // ChatGLM
        "shared.weight",                        // T5, BART
        "encoder.embed_tokens.weight",          // T5, BART
        "decoder.embed_tokens.weight",          // T5, BART, Whisper, OPT
        "embeddings.word_embeddings.weight",    // BERT, RoBERTa, DistilBERT
    };

    private static readonly string[] Tables =
        [
            "wte",
            "wpe",
            "embed_tokens",
            "embed_positions",
            "embed_in",
            "embeddings",
            "embedding",
            "position_embed",
            "relative_attention_bias",
            "relative_bias",
            "pos_embed",
            "shared",
            "token_type_embeds"
        ];

    private static readonly Dictionary<string, string[]> Ties = new(StringComparer.Ordinal)
    {
        ["lm_head.weight"] = [
            "embed_tokens.weight",
            "wte.weight",
            "decoder.embed_tokens.weight",
            "shared.weight",
            "word_embeddings.weight",
            "embeddings.weight"
        ],
        ["embed_out.weight"] = ["embed_in.weight"],                                            // GPT-NeoX
        ["output.weight"] = ["tok_embeddings.weight"],                                         // InternLM2
        ["proj_out.weight"] = ["decoder.embed_tokens.weight"],                                 // Whisper
        ["cls.predictions.decoder.weight"] = ["embeddings.word_embeddings.weight"],            // BERT
        ["lm_head.decoder.weight"] = ["embeddings.word_embeddings.weight"],                    // RoBERTa
        ["vocab_projector.weight"] = ["embeddings.word_embeddings.weight"],                    // DistilBERT
    };

    // Tables that every model of the family shares, whatever its configuration says.
    private static readonly Dictionary<string, string[]> SharedTables = new(StringComparer.Ordinal)
    {
        ["encoder.embed_tokens.weight"] = ["shared.weight"],
        ["decoder.embed_tokens.weight"] = ["shared.weight"],
    };

    // Buffers that some library versions saved although they are computed.
    private static readonly string[] BufferSuffixes = [
        ".rotary_emb.inv_freq", ".position_ids", ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias"
    ];

    // Tensors beside the layers that come before them; the others, such as final norm and head, come after.
    private static readonly string[] BeforeLayers = [
        "embed", "wte.", "wpe.", "shared.weight", "patch", "conv", "pre_layrnorm", "pre_layernorm"
    ];

    /// <summary>
    /// A name without what depends on how the checkpoint was saved: <c>model.language_model.layers.0.…</c> is <c>layers.0.…</c>.
    /// </summary>
    public static string Canonical(string name)
    {
        var wrapper = Array.Find(Wrappers, prefix => name.StartsWith(prefix, StringComparison.Ordinal));
        var bare = wrapper is null ? name : name[wrapper.Length..];
        var (old, now) = Array.Find(Endings, ending => bare.EndsWith(ending.Old, StringComparison.Ordinal));
        return old is null ? bare : bare[..^old.Length] + now;
    }

    /// <summary>Whether a tensor is a table of token embeddings: one row per token of the vocabulary.</summary>
    public static bool IsEmbedding(string name) => EmbeddingNames.Contains(Canonical(name));

    /// <summary>Whether a tensor is a table of which rows are looked up: of tokens, positions, kinds of tokens, distances.</summary>
    public static bool IsTable(string name)
    {
        if (IsEmbedding(name))
            return true;
        var parts = name.Split('.');
        return parts.Length > 1 && parts[^1] == "weight" && Array.Exists(Tables, end => parts[^2].EndsWith(end, StringComparison.Ordinal));
    }

    /// <summary>Whether a tensor chooses among experts.</summary>
    public static bool IsRouter(string name) =>
        name.EndsWith(".gate.weight", StringComparison.Ordinal)
            || name.EndsWith(".router.weight", StringComparison.Ordinal)
            || name.EndsWith(".router.layer.weight", StringComparison.Ordinal);

    /// <summary>Whether a tensor is an output head's weight: one row per token of the vocabulary.</summary>
    public static bool IsHead(string name) => Ties.ContainsKey(Canonical(name));

    /// <summary>Canonical names of the embeddings that may stand for a head where it is tied to them; none for other tensors.</summary>
    public static IReadOnlyList<string> TiedTo(string name) => Ties.GetValueOrDefault(Canonical(name)) ?? [];

    /// <summary>
    /// The name of the head that is tied to a table of embeddings, as a checkpoint with these names would store it; <see langword="null"/>
    /// where none is known.
    /// </summary>
    public static string? HeadTiedTo(string embedding)
    {
        var canonical = Canonical(embedding);
        if (Ties.FirstOrDefault(tie => tie.Value.Contains(canonical)).Key is not { } head)
            return null;

        // A language model within another keeps its head beside itself; all others have it outside.
        const string inner = "language_model.model.";
        return embedding.StartsWith(inner, StringComparison.Ordinal) ? "language_model." + head : head;
    }

    /// <summary>Canonical names of the table that always stands for another one; none for most tensors.</summary>
    public static IReadOnlyList<string> SharedWith(string name) => SharedTables.GetValueOrDefault(Canonical(name)) ?? [];

    /// <summary>Whether a tensor is a computed buffer, which is copied from the base and may be missing anywhere.</summary>
    public static bool IsBuffer(string name) => Array.Exists(BufferSuffixes, suffix => name.EndsWith(suffix, StringComparison.Ordinal));

    /// <summary>Whether a tensor that belongs to no layer is used before the layers, as embeddings are.</summary>
    public static bool IsBeforeLayers(string name) =>
        Array.Exists(BeforeLayers, part => Canonical(name).Contains(part, StringComparison.Ordinal));

    /// <summary>Whether a tensor holds one expert of several: <c>…experts.3.gate_proj.weight</c>.</summary>
    public static bool IsSingleExpert(string name) => SingleExpert().IsMatch(name);

    /// <summary>Whether a tensor holds all experts of a layer: <c>…experts.gate_up_proj</c>.</summary>
    public static bool IsFusedExperts(string name) => FusedExperts().IsMatch(name);

    [GeneratedRegex(@"\.experts\.\d+\.")]
    private static partial Regex SingleExpert();

    [GeneratedRegex(@"\.experts\.(gate_up|gate|up|down)_proj(s|\.weight|_scale|_bias)?$")]
    private static partial Regex FusedExperts();
}
