using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Sparsifying;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// DARE (Yu et al. 2024, arXiv 2311.03099) on task arithmetic: keep each element of a delta with probability density. As in mergekit,
/// <c>rescale</c> restores the L1 norm of the delta; with <c>rescale_by_probability</c> it is the paper's factor 1/density.
/// </summary>
internal sealed class DareLinearMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "dare_linear";

    /// <inheritdoc/>
    public override string Summary => "Drops random elements of the deltas, restores their norm, adds them to the base.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2311.03099";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } = [
        .. TaskVectorParameters.With(normalize: false, rescale: true), TaskVectorParameters.RescaleByProbability
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override bool IsRandom => true;

    /// <inheritdoc/>
    internal override long CompatibleDraws(TensorContext context) => RandomSparsifier.CompatibleDraws(context);

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) => TaskVectorParameters.Conflict(context);

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        new TaskVectorMerge(context, new RandomSparsifier(context), electSigns: false);
}
