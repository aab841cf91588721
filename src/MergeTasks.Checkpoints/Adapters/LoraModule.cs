using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Checkpoints.Adapters;

/// <summary>The change of one module's parameter: ΔW = s·B·A.</summary>
/// <param name="Name">The module's name in the adapted model, such as <c>model.layers.0.mlp.up_proj</c>.</param>
/// <param name="A">[rank, in]; for embeddings [rank, vocabulary]; for convolutions [rank, in, …]; for a stack of experts
/// [experts·rank, in].</param>
/// <param name="B">[out, rank]; for embeddings [hidden, rank]; for convolutions [out, rank, 1, …]; for a stack of experts
/// [out, rank·experts].</param>
/// <param name="IsEmbedding">Whether the module is an embedding, whose weight is stored as [in, out].</param>
/// <param name="Scale">s; not a number where it depends on which of several parameters is changed.</param>
internal sealed record LoraModule(string Name, TensorInfo A, TensorInfo B, bool IsEmbedding, double Scale)
{
    /// <summary>
    /// Where parameters of a module are changed that are not its weight (<c>target_parameters</c>): the place of this change among them,
    /// from the outermost, 0; <see langword="null"/> for weights.
    /// </summary>
    public int? Place { get; init; }

    /// <summary>What is added to the module's bias, times s: [out]; <see langword="null"/>: nothing.</summary>
    public TensorInfo? Bias { get; init; }

    /// <summary>Rows of A: the rank, of a stack of experts all ranks together.</summary>
    public long Rank => A.Shape[0];

    /// <summary>Number of inputs, of convolutions those of a whole window.</summary>
    public long In => A.ElementCount / A.Shape[0];

    /// <summary>Number of outputs.</summary>
    public long Out => B.Shape[0];
}
