using MergeTasks.Checkpoints.Naming;

namespace MergeTasks.Merging.Inputs;

/// <summary>The tensors of a model that have one row, or element, per token.</summary>
internal static class VocabularyTensors
{
    // Biases of output heads, which are stored beside the head's weight or in its place where that is tied.
    private static readonly string[] HeadBiases = [
        "lm_head.bias",
        "embed_out.bias",
        "cls.predictions.bias",
        "cls.predictions.decoder.bias",
        "lm_head.decoder.bias",
        "vocab_projector.bias"
    ];

    /// <summary>Name of a model's embeddings; <see langword="null"/> where none are found.</summary>
    public static string? TableOf(ModelInput model) =>
        model.Names.FirstOrDefault(name => TensorNames.IsEmbedding(name) && model.Find(name)!.Shape.Count == 2);

    /// <summary>Number of rows of a model's embeddings; <see langword="null"/> where none are found.</summary>
    public static long? RowsOf(ModelInput model)
    {
        var names = model.Names.ToList();
        var name = names.Find(TensorNames.IsEmbedding) ?? names.Find(TensorNames.IsHead);
        return name is not null && model.Find(name)!.Shape is [var rows, _] ? rows : null;
    }

    /// <summary>Whether a tensor is one of them.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">The tensor.</param>
    /// <param name="rows">Rows of the model's embeddings.</param>
    public static bool Is(ModelInput model, string name, long rows) =>
        (TensorNames.IsEmbedding(name) || TensorNames.IsHead(name) || HeadBiases.Contains(name))
            && model.Find(name)?.Shape is [var first, ..]
            && first == rows;
}
