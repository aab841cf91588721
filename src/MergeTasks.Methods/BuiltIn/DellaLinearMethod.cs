using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Sparsifying;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// DELLA (Deep et al. 2024, arXiv 2406.11617), without its sign election: elements of a delta are kept at random with probabilities
/// that grow with the rank of their magnitude in their row; see <see cref="RankSparsifier"/>. As in mergekit, <c>rescale</c> restores the
/// L1 norm of the delta, and with <c>rescale_by_probability</c> divides each element by its own probability, as the paper does.
/// </summary>
internal sealed class DellaLinearMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "della_linear";

    /// <inheritdoc/>
    public override string Summary =>
        "Drops elements of the deltas at random, small ones more often, restores their norm, adds them to the base.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2406.11617";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        .. TaskVectorParameters.With(normalize: false, rescale: true),
        TaskVectorParameters.Epsilon,
        TaskVectorParameters.RescaleByProbability,
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override bool IsRandom => true;

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) => RankSparsifier.Conflict(context) ?? TaskVectorParameters.Conflict(context);

    /// <inheritdoc/>
    internal override long CompatibleDraws(TensorContext context) => RankSparsifier.CompatibleDraws(context);

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        new TaskVectorMerge(context, new RankSparsifier(context), electSigns: false);
}
