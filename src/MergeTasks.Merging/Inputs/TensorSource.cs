using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Merging.Inputs;

/// <summary>One input of a tensor's merge: what identifies it, and where its elements come from.</summary>
/// <param name="DType">The type in which elements are exact (<see cref="TensorContent.DType"/>).</param>
internal abstract record TensorSource(DType DType)
{
    /// <summary>What identifies the content: a digest of its bytes, or of everything that it is computed from.</summary>
    public abstract ContentDigest Identity(CancellationToken cancellation);

    /// <summary>The content. Only now must the files exist: a plan may be made before another merge's output.</summary>
    /// <exception cref="CheckpointException">A file cannot be opened (any more).</exception>
    public abstract TensorContent Open();
}

/// <summary>A tensor of one of the models.</summary>
/// <param name="Model">The model.</param>
/// <param name="Tensor">The tensor's name in it.</param>
internal sealed record ModelTensor(ModelInput Model, string Tensor) : TensorSource(Model.ContentType(Tensor))
{
    /// <inheritdoc/>
    public override ContentDigest Identity(CancellationToken cancellation) => Model.Identity(Tensor, cancellation);

    /// <inheritdoc/>
    public override TensorContent Open() => Model.Open(Tensor);
}
