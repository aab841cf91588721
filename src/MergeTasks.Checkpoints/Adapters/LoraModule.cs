using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Checkpoints.Adapters;

/// <summary>The change of one module: ΔW = s·B·A.</summary>
/// <param name="Name">The module's name in the adapted model, such as <c>model.layers.0.mlp.up_proj</c>.</param>
/// <param name="A">[rank, in]; for embeddings [rank, vocabulary].</param>
/// <param name="B">[out, rank]; for embeddings [hidden, rank].</param>
/// <param name="IsEmbedding">Whether the module is an embedding, whose weight is stored as [in, out].</param>
/// <param name="Scale">s.</param>
internal sealed record LoraModule(string Name, TensorInfo A, TensorInfo B, bool IsEmbedding, double Scale)
{
    /// <summary>The rank.</summary>
    public long Rank => A.Shape[0];

    /// <summary>Number of inputs.</summary>
    public long In => A.Shape[1];

    /// <summary>Number of outputs.</summary>
    public long Out => B.Shape[0];
}
