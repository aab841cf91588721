namespace MergeTasks.Checkpoints.Adapters;

/// <summary>What the name of a tensor in an adapter file stands for.</summary>
internal enum AdapterPart
{
    /// <summary>A of a linear module.</summary>
    A,

    /// <summary>B of a linear module.</summary>
    B,

    /// <summary>A of an embedding.</summary>
    EmbeddingA,

    /// <summary>B of an embedding.</summary>
    EmbeddingB,

    /// <summary>What B adds to a module's bias (<c>lora_bias</c>).</summary>
    Bias,

    /// <summary>Rows of a table for single tokens (<c>trainable_token_indices</c>).</summary>
    Tokens,

    /// <summary>A whole parameter in the place of the model's (<c>modules_to_save</c>, trained biases, resized embeddings).</summary>
    Replacement,

    /// <summary>Part of another kind of adapter.</summary>
    Other,
}

/// <summary>The names of tensors in adapter files.</summary>
internal static class AdapterNames
{
    /// <summary>What PEFT puts before a module's name.</summary>
    public const string Prefix = "base_model.model.";

    private static readonly (string Suffix, AdapterPart Part)[] Suffixes =
    [
        (".lora_A.weight", AdapterPart.A),
        (".lora_B.weight", AdapterPart.B),
        (".lora_embedding_A", AdapterPart.EmbeddingA),
        (".lora_embedding_B", AdapterPart.EmbeddingB),
        (".lora_B.bias", AdapterPart.Bias),
        (".trainable_tokens_delta", AdapterPart.Tokens),
    ];

    // Wrappers of the library, which are no part of the model's own names; an adapter's usual name is 'default'.
    private const string Wrapped = ".base_layer";

    private static readonly string[] Wrappers = [".modules_to_save", Wrapped, ".token_adapter"];

    /// <summary>
    /// The module (or, for replacements, the parameter) that a tensor belongs to, what it is of it, and how many wrappers of the library
    /// stand around the one that it belongs to: each of several changed parameters of a module has one.
    /// </summary>
    public static (string Name, AdapterPart Part, int Level) Parse(string tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var name = tensor.StartsWith(Prefix, StringComparison.Ordinal) ? tensor[Prefix.Length..] : tensor;
        var level = 0;
        for (var end = name.IndexOf(".lora_", StringComparison.Ordinal);
            end > 0 && name.AsSpan(0, end).EndsWith(Wrapped, StringComparison.Ordinal);
            end -= Wrapped.Length)
            level++;
        foreach (var wrapper in Wrappers)
            name = name.Replace(wrapper + ".", ".", StringComparison.Ordinal);
        name = name.Replace(".default.", ".", StringComparison.Ordinal);
        if (name.EndsWith(".default", StringComparison.Ordinal))
            name = name[..^".default".Length];
        foreach (var (suffix, part) in Suffixes)
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal))
                return (name[..^suffix.Length], part, level);
        }

        return (name,
            name.Contains(".lora_", StringComparison.Ordinal) || name.Contains("trainable_tokens", StringComparison.Ordinal)
                ? AdapterPart.Other
                : AdapterPart.Replacement, level);
    }
}
