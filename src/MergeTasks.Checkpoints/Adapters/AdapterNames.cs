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
    ];

    // Wrappers of the library, which are no part of the model's own names; an adapter's usual name is 'default'.
    private static readonly string[] Wrappers = [".modules_to_save", ".base_layer"];

    /// <summary>The module (or, for replacements, the parameter) that a tensor belongs to, and what it is of it.</summary>
    public static (string Name, AdapterPart Part) Parse(string tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var name = tensor.StartsWith(Prefix, StringComparison.Ordinal) ? tensor[Prefix.Length..] : tensor;
        foreach (var wrapper in Wrappers)
            name = name.Replace(wrapper + ".", ".", StringComparison.Ordinal);
        name = name.Replace(".default.", ".", StringComparison.Ordinal);
        if (name.EndsWith(".default", StringComparison.Ordinal))
            name = name[..^".default".Length];
        foreach (var (suffix, part) in Suffixes)
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal))
                return (name[..^suffix.Length], part);
        }

        return (name,
            name.Contains(".lora_", StringComparison.Ordinal) || name.Contains("trainable_tokens", StringComparison.Ordinal)
                ? AdapterPart.Other
                : AdapterPart.Replacement);
    }
}
